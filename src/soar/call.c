/*
 * call.c: from the body of a message to what it asks, and the bodies of the answers.
 *
 * Inputs are walked as text, not as a tree: a number that comes as 5.0 must go back as 5.0, and Python, which the platform
 * knows, takes the last of two equal keys.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "soar/call.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "soar/pyjson.h"

enum { MOST_INPUTS = 1000, TREE_PER_BYTE = 80, OVERHEAD = 1 << 16 };
#define LONGEST_BODY ((size_t)128 << 20)
#define VALUE        "passivetotal_artifact_value"
#define TYPE         "passivetotal_artifact_type"

/* A piece of the text; at NULL: there is none. */
typedef struct piece {
    const char *at;
    size_t len;
} piece;

/* ------------------------------------------------------------------------------------------ walking over text */

static piece piece_at(const char *at)
{
    at = ptv_pyjson_skip_blanks(at);
    return (piece){ at, (size_t)(ptv_pyjson_skip(at) - at) };
}

/* The member behind *at, which stands at '{' or behind a member. False: no more. */
static bool next_member(const char **at, piece *key, piece *value)
{
    const char *p = ptv_pyjson_skip_blanks(*at);
    if (*p == '{' || *p == ',')
        p = ptv_pyjson_skip_blanks(p + 1);
    if (*p != '"')
        return false;
    *key = piece_at(p);
    *value = piece_at(ptv_pyjson_skip_blanks(key->at + key->len) + 1);
    *at = value->at + value->len;
    return true;
}

static bool is_key(piece key, const char *name)
{
    return key.len == strlen(name) + 2 && memcmp(key.at + 1, name, key.len - 2) == 0;
}

static piece member(piece object, const char *name)
{
    piece key, value, found = { NULL, 0 };
    const char *at = object.at;
    if (!at || *at != '{')
        return found;
    while (next_member(&at, &key, &value))
        if (is_key(key, name))
            found = value;
    return found;
}

static void put(ptv_buf *out, piece p)
{
    ptv_pyjson_write(out, p.at, p.len, &(ptv_pyjson){ 0 });
}

/* --------------------------------------------------------------------------------------------------- inputs */

/*
 * One input as the platform's framework hands it to a function: {"id", "name"} of a select becomes its name, {"format",
 * "content"} of a text area its content unless that is empty, a list of selects the list of names; all else stays.
 */
static void put_input(ptv_buf *out, piece value)
{
    piece name = member(value, "name"), content = member(value, "content");
    if (name.at && member(value, "id").at) {
        put(out, name);
    } else if (content.at && member(value, "format").at && *content.at == '"' && content.len > 2) {
        put(out, content);
    } else if (value.at && *value.at == '[') {
        const char *at = ptv_pyjson_skip_blanks(value.at + 1);
        ptv_buf_putc(out, '[');
        while (*at && *at != ']') {
            piece item = piece_at(at);
            name = member(item, "name");
            put(out, name.at ? name : item);
            at = ptv_pyjson_skip_blanks(item.at + item.len);
            if (*at == ',') {
                ptv_buf_puts(out, ", ");
                at++;
            }
        }
        ptv_buf_putc(out, ']');
    } else {
        put(out, value);
    }
}

/* A key that comes twice stands where it came first, with the value that came last. */
static ptv_code put_inputs(ptv_buf *out, piece object, ptv_error *err)
{
    piece keys[MOST_INPUTS], values[MOST_INPUTS], key, value;
    size_t count = 0;
    const char *at = object.at;
    while (at && next_member(&at, &key, &value)) {
        size_t i = 0;
        while (i < count && !(keys[i].len == key.len && memcmp(keys[i].at, key.at, key.len) == 0))
            i++;
        if (i == MOST_INPUTS)
            return ptv_fail(err, PTV_EINVAL, "more than %d inputs", MOST_INPUTS);
        keys[i] = key;
        values[i] = value;
        count += i == count;
    }
    ptv_buf_putc(out, '{');
    for (size_t i = 0; i < count; i++) {
        ptv_buf_puts(out, i ? ", " : "");
        put(out, keys[i]);
        ptv_buf_puts(out, ": ");
        put_input(out, values[i]);
    }
    ptv_buf_putc(out, '}');
    return ptv_buf_check(out, err);
}

/* What is wrong with the inputs before anything is looked up; NULL: nothing. */
static const char *refusal_of(const ptv_json *inputs, const char *value, const char *type)
{
    if (!ptv_json_find(inputs, VALUE))
        return "the input " VALUE " is missing";
    if (!ptv_json_find(inputs, TYPE))
        return "the input " TYPE " is missing";
    if (!value)
        return "the input " VALUE " is not a text";
    if (!*value)
        return "the input " VALUE " is empty";
    return type ? NULL : "the input " TYPE " is not a text";
}

/* -------------------------------------------------------------------------------------------------- reading */

typedef struct reading {
    ptv_soar_call call; /* what the caller sees */
    ptv_arena mem;
} reading;

static const char *keep(ptv_arena *mem, const char *text, bool *failed)
{
    const char *kept = ptv_arena_strdup(mem, text);
    *failed |= text && !kept;
    return kept;
}

/* An id that may have come as a number or as a text. */
static const char *keep_id(ptv_arena *mem, piece inputs, const ptv_json *tree, const char *name, bool *failed)
{
    const ptv_json *v = ptv_json_find(tree, name);
    if (ptv_json_kind_of(v) == PTV_JSON_TEXT)
        return keep(mem, ptv_json_text(v), failed);
    if (ptv_json_kind_of(v) != PTV_JSON_NUMBER)
        return NULL;
    piece number = member(inputs, name);
    const char *kept = ptv_arena_strndup(mem, number.at, number.len);
    *failed |= !kept;
    return kept;
}

/* Beside the inputs only names are wanted: function, workflow, principal. Everything may be null. */
static void read_names(ptv_soar_call *call, ptv_arena *mem, const ptv_json *body, bool *failed)
{
    const ptv_json *function = ptv_json_find(body, "function");
    bool is_set = ptv_json_kind_of(function) != PTV_JSON_NULL, as_bool = true;
    if (ptv_json_bool(&as_bool, function))
        is_set = as_bool;
    call->is_function = is_set;
    call->function = keep(mem, ptv_json_text(ptv_json_find(function, "name")), failed);
    call->workflow = keep(mem, ptv_json_text(ptv_json_find(ptv_json_find(body, "workflow"), "programmatic_name")), failed);
    call->principal = keep(mem, ptv_json_text(ptv_json_find(ptv_json_find(body, "principal"), "name")), failed);
}

/* The inputs that we read, as an object of their own: a tree of all of them would copy an attachment once more. */
static void put_ours(ptv_buf *out, piece inputs)
{
    static const char *const names[] = { VALUE, TYPE, "incident_id", "artifact_id" };
    ptv_buf_putc(out, '{');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        piece value = member(inputs, names[i]);
        if (!value.at)
            continue;
        ptv_buf_printf(out, "%s\"%s\": ", out->len > 1 ? ", " : "", names[i]);
        ptv_buf_append(out, value.at, value.len);
    }
    ptv_buf_putc(out, '}');
}

static ptv_code read_inputs(reading *r, piece body, ptv_error *err)
{
    piece inputs = member(body, "inputs");
    bool failed = false;
    ptv_buf text = PTV_BUF(LONGEST_BODY * 6);
    if (!inputs.at && !r->call.is_function)
        inputs = body; /* the inputs alone */
    if (inputs.at && *inputs.at != '{') {
        if (memcmp(inputs.at, "null", 4) != 0)
            r->call.refusal = "the inputs of the call are not an object";
        inputs.at = NULL;
    }
    ptv_buf_reserve(&text, inputs.len + OVERHEAD); /* once: growing by steps would take twice the memory */
    ptv_code rc = put_inputs(&text, inputs, err);
    piece normal = { text.data, text.len };
    ptv_buf ours = PTV_BUF(LONGEST_BODY * 6);
    if (!rc)
        put_ours(&ours, normal);
    if (!rc)
        rc = ptv_buf_check(&ours, err);
    ptv_arena tree_mem = PTV_ARENA(ours.len * TREE_PER_BYTE + OVERHEAD);
    const ptv_json *tree = NULL;
    if (!rc)
        rc = ptv_json_parse(&tree, &tree_mem, ours.data, ours.len, err);
    if (!rc) {
        const char *value = ptv_json_text(ptv_json_find(tree, VALUE)), *type = ptv_json_text(ptv_json_find(tree, TYPE));
        r->call.value = keep(&r->mem, value, &failed);
        r->call.type = keep(&r->mem, type, &failed);
        r->call.incident_id = keep_id(&r->mem, normal, tree, "incident_id", &failed);
        r->call.artifact_id = keep_id(&r->mem, normal, tree, "artifact_id", &failed);
        if (!r->call.refusal)
            r->call.refusal = refusal_of(tree, value, type);
    }
    ptv_arena_release(&tree_mem);
    ptv_buf_release(&ours);
    r->call.inputs = rc ? NULL : ptv_buf_take(&text, NULL);
    ptv_buf_release(&text);
    return rc ? rc : failed ? ptv_arena_fail(&r->mem, err) : PTV_OK;
}

static ptv_code read_body(reading *r, const char *text, size_t len, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA(len * TREE_PER_BYTE + OVERHEAD);
    const ptv_json *body = NULL;
    bool failed = false;
    ptv_code rc = ptv_json_parse(&body, &mem, text, len, err);
    if (rc == PTV_ESHAPE)
        err->code = rc = PTV_EINVAL;
    if (!rc && ptv_json_kind_of(body) != PTV_JSON_OBJECT)
        rc = ptv_fail(err, PTV_EINVAL, "it is %s, not an object", ptv_json_kind_name(ptv_json_kind_of(body)));
    if (!rc)
        read_names(&r->call, &r->mem, body, &failed);
    ptv_arena_release(&mem); /* before the inputs are copied: one tree at a time */
    if (!rc && failed)
        rc = ptv_arena_fail(&r->mem, err);
    if (rc)
        return rc;
    if (ptv_text_starts(text, "\xEF\xBB\xBF"))
        text += 3;
    return read_inputs(r, piece_at(text), err);
}

ptv_code ptv_soar_call_read(const ptv_soar_call **out, const char *text, size_t len, ptv_error *err)
{
    reading *r = ptv_calloc(1, sizeof *r);
    if (!r)
        return ptv_fail_nomem(err);
    ptv_buf scratch = PTV_BUF(LONGEST_BODY);
    r->mem = (ptv_arena)PTV_ARENA(len + OVERHEAD);
    const char *soft = ptv_pyjson_soften(text, &len, &scratch);
    ptv_code rc = soft ? read_body(r, soft, len, err) : ptv_buf_check(&scratch, err);
    ptv_buf_release(&scratch);
    if (rc) {
        ptv_soar_call_free(&r->call);
        return rc;
    }
    *out = &r->call;
    return PTV_OK;
}

void ptv_soar_call_free(const ptv_soar_call *call)
{
    if (!call)
        return;
    reading *r = (reading *)(uintptr_t)call; /* its first member */
    ptv_arena_release(&r->mem);
    ptv_free((char *)(uintptr_t)r->call.inputs);
    ptv_free(r);
}

/* -------------------------------------------------------------------------------------------------- answers */

static void put_message(ptv_buf *out, const char *type, const char *text)
{
    ptv_buf_puts(out, "{\"message_type\": ");
    ptv_buf_puts(out, type);
    ptv_buf_puts(out, ", \"message\": ");
    ptv_pyjson_text(out, text, strlen(text));
}

void ptv_call_status(ptv_buf *out, const char *text)
{
    put_message(out, "0", *text ? text : "(No status)");
    ptv_buf_puts(out, ", \"complete\": false}");
}

void ptv_call_result(ptv_buf *out, const char *result, size_t len, const char *inputs)
{
    ptv_pyjson how = { .indent = 2, .level = 1, .replaced_key = inputs ? "inputs" : NULL, .replacement = inputs };
    ptv_buf_reserve(out, len + len / 2 + (inputs ? strlen(inputs) : 0) + OVERHEAD);
    ptv_buf_puts(out, "{\n  \"message_type\": 0,\n  \"message\": \"Completed\",\n  \"complete\": true,\n  \"results\": ");
    ptv_pyjson_write(out, result, len, &how);
    ptv_buf_puts(out, "\n}");
}

void ptv_call_error(ptv_buf *out, const char *text)
{
    ptv_buf whole = PTV_BUF(out->limit_bytes);
    ptv_buf_puts(&whole, "ERROR:\n\n");
    ptv_buf_puts(&whole, text);
    put_message(out, "1", whole.data ? whole.data : "ERROR");
    ptv_buf_puts(out, ", \"complete\": true}");
    ptv_buf_release(&whole);
}

void ptv_call_trapped(ptv_buf *out, const char *function, const char *text)
{
    ptv_buf whole = PTV_BUF(out->limit_bytes);
    ptv_buf_printf(&whole, "Error running '%s'. Config 'trap_exception' set to 'True' so ignoring exception\nERROR:\n",
                   function);
    ptv_buf_puts(&whole, text);
    put_message(out, "0", whole.data ? whole.data : "ERROR");
    ptv_buf_puts(out, ", \"complete\": true, \"results\": {\"success\": false, \"reason\": ");
    ptv_pyjson_text(out, text, strlen(text));
    ptv_buf_puts(out, "}}");
    ptv_buf_release(&whole);
}

void ptv_call_action(ptv_buf *out)
{
    put_message(out, "0", "No handler returned a result for this action");
    ptv_buf_puts(out, ", \"complete\": true}");
}
