/*
 * describe_editor.c: what editors and linters want to know about rule files and tests, from the tables: annotations for the
 * Lua language server, its settings, and the standard of luacheck. So an editor completes `passive_dns.` and marks what is
 * misspelt.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "base/text.h"
#include "rules/tree.h"

#define OUTPUT_LIMIT ((size_t)4 << 20)

/* ------------------------------------------------------------------------------------------------ the words */

typedef enum where { IN_RULES = 1, IN_TESTS = 2, IN_BOTH = 3 } where;

/* Words that are no fields. `type` is that of the word in the notation of the language server. */
static const struct {
    const char *name, *type, *about;
    where where;
} words[] = {
    { "rule", "fun(id: string, body?: ptverdict.rule): fun(body: ptverdict.rule)", "One definition of \"compromised\".",
      IN_RULES },
    { "allow", "fun(id: string, body?: ptverdict.allow): fun(body: ptverdict.allow)",
      "What rules may not flag, until it expires.", IN_RULES },
    { "all", "fun(conditions: ptverdict.condition[]): ptverdict.condition", "Every condition holds.", IN_RULES },
    { "any", "fun(conditions: ptverdict.condition[]): ptverdict.condition", "At least one condition holds.", IN_RULES },
    { "none", "fun(conditions: ptverdict.condition[]|ptverdict.condition): ptverdict.condition", "No condition holds.",
      IN_RULES },
    { "at_least_of", "fun(n: integer): fun(conditions: ptverdict.condition[]): ptverdict.condition",
      "At least n of the conditions hold.", IN_RULES },
    { "custom", "fun(fields: string|string[], judge: fun(r: ptverdict.record): boolean?, string?): ptverdict.condition",
      "A function for what words cannot say: true, false or nil (cannot tell), and a reason.", IN_RULES },
    { "setting", "fun(name: string, default?: string|number): ptverdict.setting", "A value of app.config, section [rules].",
      IN_RULES },
    { "list", "fun(name: string): ptverdict.list", "The entries of lists/NAME.txt.", IN_RULES },
    { "within", "fun(span: ptverdict.text): ptverdict.moment", "For a column of records: not longer ago than this.",
      IN_RULES },
    { "older_than", "fun(span: ptverdict.text): ptverdict.moment", "For a column of records: longer ago than this.",
      IN_RULES },
    { "before", "fun(day: ptverdict.text): ptverdict.moment", "For a column of records: before this day.", IN_RULES },
    { "after", "fun(day: ptverdict.text): ptverdict.moment", "For a column of records: after this day.", IN_RULES },
    { "like", "fun(glob: ptverdict.words): ptverdict.moment", "For a column of records: fits the glob (* ?).", IN_RULES },
    { "standard", "ptverdict.standard", "The app's eight hit fields.", IN_RULES },
    { "case", "fun(name: string): fun(body: ptverdict.case)", "One record and the decision it owes.", IN_TESTS },
    { "settings", "fun(values: table<string, string|number>)", "Settings for every case of this file.", IN_TESTS },
    { "failed", "fun(reason: string): ptverdict.state", "The section was asked, and the call failed.", IN_TESTS },
    { "not_asked", "fun(reason: string): ptverdict.state", "The section was not asked.", IN_TESTS },
    { "unsupported", "fun(reason: string): ptverdict.state", "No source can know the section.", IN_TESTS },
    { "recorded", "fun(artifact: string): ptverdict.recorded", "The answers in archive/ or archive.ndjson beside the tests.",
      IN_TESTS },
    { "fixture", "fun(file: string): ptverdict.recorded", "A record in fixtures/ beside the tests.", IN_TESTS },
    { "concat", "fun(list: (string|number)[], separator?: string): string", "The items of a list as one text.", IN_BOTH },
    { "insert", "fun(list: any[], item_or_place: any, item?: any)", "Put an item at the end of a list, or at a place of it.",
      IN_BOTH },
    { "ipairs", "fun(list: any[]): (fun(list: any[], i: integer): integer, any), any[], integer",
      "The items of a list, in order.", IN_BOTH },
    { "pairs", "fun(map: table): (fun(map: table, key: any): any, any), table, nil", "All of a table, in order of the keys.",
      IN_BOTH },
    { "type", "fun(value: any): string", "What kind of value it is.", IN_BOTH },
    { "tostring", "fun(value: any): string", "A value as text.", IN_BOTH },
    { "tonumber", "fun(text: any): number?", "A text as number; nil when it is none.", IN_BOTH },
    { "error", "fun(message: string)", "Stop with a message.", IN_BOTH },
    { "min", "fun(...: number): number", "The smallest.", IN_BOTH },
    { "max", "fun(...: number): number", "The largest.", IN_BOTH },
    { "floor", "fun(number: number): integer", "Without what follows the decimal point.", IN_BOTH },
};
enum { WORDS = sizeof words / sizeof *words };

/* What a test takes between its brackets, and what it says. */
static const struct {
    const char *takes, *about;
} tests[] = {
    [PTV_OP_HAS_ANY] = { "words: ptverdict.words", "At least one of these is in the set." },
    [PTV_OP_HAS_ALL] = { "words: ptverdict.words", "Each of these is in the set." },
    [PTV_OP_HAS_NONE] = { "words: ptverdict.words", "None of these is in the set." },
    [PTV_OP_LIKE_ANY] = { "globs: ptverdict.words", "Something in the set fits one of these globs (* ?)." },
    [PTV_OP_COUNT_AT_LEAST] = { "n: ptverdict.number", "The set has at least so many entries." },
    [PTV_OP_IS] = { "word: ptverdict.text", "It is this." },
    [PTV_OP_IS_ANY] = { "words: ptverdict.words", "It is one of these." },
    [PTV_OP_IS_NOT] = { "word: ptverdict.text", "It is not this." },
    [PTV_OP_LIKE] = { "glob: ptverdict.text", "It fits the glob (* ?)." },
    [PTV_OP_IN_LIST] = { "entries: ptverdict.words", "It is one of the entries: a name, an address, *.zone or a net." },
    [PTV_OP_IN_ZONE] = { "zones: ptverdict.words", "It is one of these names or below one." },
    [PTV_OP_IN_CIDR] = { "nets: ptverdict.words", "It is an address in one of these nets." },
    [PTV_OP_AT_LEAST] = { "n: ptverdict.number", "It is this number or more." },
    [PTV_OP_AT_MOST] = { "n: ptverdict.number", "It is this number or less." },
    [PTV_OP_BETWEEN] = { "low: ptverdict.number, high: ptverdict.number", "It lies between these; both ends count." },
    [PTV_OP_EQUALS] = { "n: ptverdict.number", "It is exactly this number." },
    [PTV_OP_WITHIN] = { "span: ptverdict.text", "Not longer ago than this: \"30d\", \"12h\", \"1y\"." },
    [PTV_OP_OLDER_THAN] = { "span: ptverdict.text", "Longer ago than this." },
    [PTV_OP_BEFORE] = { "day: ptverdict.text", "Before this day: \"2026-01-31\"." },
    [PTV_OP_AFTER] = { "day: ptverdict.text", "After this day." },
    [PTV_OP_IS_MISSING] = { "", "Answered, but there is no value." },
    [PTV_OP_IS_PRESENT] = { "", "There is a value." },
};

static const struct {
    const char *name, *type;
} texts[] = {
    { "lower", "fun(self: string): string" },
    { "sub", "fun(self: string, from: integer, to?: integer): string" },
    { "byte", "fun(self: string, at?: integer): integer?" },
    { "before", "fun(self: string, piece: string): string" },
    { "after", "fun(self: string, piece: string): string" },
    { "contains", "fun(self: string, piece: string): boolean" },
    { "starts", "fun(self: string, piece: string): boolean" },
    { "ends", "fun(self: string, piece: string): boolean" },
    { "like", "fun(self: string, glob: string): boolean" },
    { "len", "fun(self: string): integer" },
};

/* Everything that does not come out of a table. */
static const char kinds[] =
    "---@class ptverdict.condition\n"
    "---@class ptverdict.setting\n"
    "---@class ptverdict.list\n"
    "---@class ptverdict.moment\n"
    "---@class ptverdict.matched\n"
    "---@class ptverdict.standard\n"
    "---@class ptverdict.state\n"
    "---@class ptverdict.recorded\n"
    "---@alias ptverdict.text string|ptverdict.setting\n"
    "---@alias ptverdict.number number|ptverdict.setting\n"
    "---@alias ptverdict.words string|string[]|ptverdict.setting|ptverdict.list\n"
    "---@alias ptverdict.level \"info\"|\"low\"|\"medium\"|\"high\"|\"critical\"\n"
    "---@alias ptverdict.verdict \"compromised\"|\"unknown\"|\"no_match\"|\"skipped\"\n"
    "---@alias ptverdict.outcome \"match\"|\"no_match\"|\"unknown\"|\"suppressed\"|\"error\"|\"shadow_match\"|\"off\"\n"
    "\n"
    "---@class ptverdict.rule\n"
    "---@field title? string\n"
    "---@field severity? ptverdict.level\n"
    "---@field when? ptverdict.condition\n"
    "---@field unless? ptverdict.condition\n"
    "---@field levels? table<ptverdict.level, ptverdict.condition>\n"
    "---@field status? \"live\"|\"shadow\"|\"off\"\n"
    "---@field on_unknown? \"match\"|\"unknown\"\n"
    "---@field when_unsupported? \"off\"\n"
    "---@field hit? ptverdict.standard|any[]\n"
    "---@field note? string|string[]\n"
    "---@field description? string\n"
    "---@field owner? string\n"
    "---@field references? string|string[]\n"
    "---@field false_positives? string|string[]\n"
    "---@field next_step? string\n"
    "---@field attack? string|string[]\n"
    "\n"
    "---@class ptverdict.allow\n"
    "---@field reason string\n"
    "---@field owner string\n"
    "---@field expires string\n"
    "---@field when ptverdict.condition\n"
    "---@field applies_to? string|string[]\n"
    "---@field wide? boolean\n"
    "\n"
    "---@class ptverdict.expect\n"
    "---@field verdict? ptverdict.verdict\n"
    "---@field severity? ptverdict.level|\"none\"\n"
    "---@field could_be? ptverdict.level|\"none\"\n"
    "---@field complete? boolean\n"
    "---@field rules? table<string, ptverdict.outcome>\n"
    "---@field hit? table<string, string|number|false>\n"
    "---@field note_has? string|string[]\n"
    "---@field note_lacks? string|string[]\n"
    "---@field missing? string|string[]\n"
    "---@field shadow? string|string[]\n"
    "---@field suppressed_by? string\n"
    "\n"
    "---@class ptverdict.row\n"
    "---@field name? string\n"
    "---@field now? string\n"
    "---@field given? ptverdict.given|ptverdict.recorded\n"
    "---@field expect? ptverdict.expect\n"
    "---@field settings? table<string, string|number>\n"
    "---@field scope? \"file\"|\"all\"\n"
    "\n"
    "---@class ptverdict.case: ptverdict.row\n"
    "---@field rows? ptverdict.row[]\n";

/* --------------------------------------------------------------------------------------- the language server */

/* The dot of a field in a group, or NULL: passive_dns.count. */
static const char *dot_of(const ptv_field *f)
{
    return strchr(f->name, '.');
}

static bool same_group(const ptv_field *a, const ptv_field *b)
{
    const char *dot = dot_of(a);
    return dot && strncmp(a->name, b->name, (size_t)(dot - a->name) + 1) == 0;
}

static bool opens_group(const ptv_field *f)
{
    for (const ptv_field *before = ptv_fields; before < f; before++)
        if (same_group(f, before))
            return false;
    return dot_of(f) != NULL;
}

static void put_values(ptv_buf *out, const ptv_field *f)
{
    for (const char *const *v = f->values; v && *v; v++)
        ptv_buf_printf(out, "%s\"%s\"", v == f->values ? "" : "|", *v);
}

/* An enum has a class of its own, since its words are; the others one a type. */
static void put_class_name(ptv_buf *out, const ptv_field *f)
{
    static const char *const names[] = {
        [PTV_WORD] = "word",   [PTV_ENUM] = "",     [PTV_URI] = "word", [PTV_NUMBER] = "amount",
        [PTV_YESNO] = "yesno", [PTV_TIME] = "time", [PTV_SET] = "set",  [PTV_RECORDS] = "records"
    };
    ptv_buf_printf(out, "ptverdict.%s%s", names[f->type], f->type == PTV_ENUM ? f->name : "");
}

static void put_tests(ptv_buf *out, const ptv_field *f, bool every)
{
    for (const int *op = ptv_ops_of(f->type); *op >= 0; op++) {
        bool of_every = *op == PTV_OP_IS_MISSING || *op == PTV_OP_IS_PRESENT;
        const char *takes = tests[*op].takes;
        if (of_every && !every)
            continue;
        ptv_buf_printf(out, "---@field %s fun(self: any%s", ptv_op_name((ptv_op)*op), *takes ? ", " : "");
        if (f->type == PTV_YESNO && *op == PTV_OP_IS)
            ptv_buf_puts(out, "yes: boolean");
        else if (f->type == PTV_ENUM && (*op == PTV_OP_IS || *op == PTV_OP_IS_NOT || *op == PTV_OP_IS_ANY)) {
            ptv_buf_puts(out, *op == PTV_OP_IS_ANY ? "words: (" : "word: ");
            put_values(out, f);
            ptv_buf_puts(out, *op == PTV_OP_IS_ANY ? ")[]|ptverdict.words" : "|ptverdict.setting");
        } else
            ptv_buf_puts(out, takes);
        ptv_buf_printf(out, "): ptverdict.condition %s\n", tests[*op].about);
    }
}

static void put_rows(ptv_buf *out, const ptv_field *f)
{
    ptv_buf_puts(out, "\n---@class ptverdict.rows\n");
    put_tests(out, f, false);
    ptv_buf_puts(out, "\n---@class ptverdict.filter\n");
    for (size_t i = 0; i < ptv_column_count; i++)
        ptv_buf_printf(out, "---@field %s? %sptverdict.moment %s\n", ptv_columns[i].name,
                       ptv_columns[i].type == PTV_TIME ? "" : "ptverdict.words|", ptv_columns[i].doc);
    ptv_buf_puts(out, "\n---@class ptverdict.row_of_records\n---@field live? boolean it came from a live look-up\n");
    for (size_t i = 0; i < ptv_column_count; i++)
        ptv_buf_printf(out, "---@field %s? %s %s\n", ptv_columns[i].name,
                       ptv_columns[i].type == PTV_TIME  ? "string|integer"
                       : ptv_columns[i].type == PTV_SET ? "string|string[]"
                                                        : "string",
                       ptv_columns[i].doc);
    ptv_buf_puts(out,
                 "\n---@class ptverdict.records\n"
                 "---@field count fun(self: any, filter: ptverdict.filter): ptverdict.rows How many rows fit.\n"
                 "---@field any fun(self: any, filter: ptverdict.filter): ptverdict.condition At least one row fits.\n");
    for (int op = PTV_OP_IS_MISSING; op <= PTV_OP_IS_PRESENT; op++)
        ptv_buf_printf(out, "---@field %s fun(self: any): ptverdict.condition %s\n", ptv_op_name((ptv_op)op),
                       tests[op].about);
}

/* One class a type, and one an enum. */
static void put_classes(ptv_buf *out)
{
    for (const ptv_field *f = ptv_fields; f < ptv_fields + ptv_field_count; f++) {
        bool known = false;
        for (const ptv_field *before = ptv_fields; before < f && f->type != PTV_ENUM; before++)
            known |= before->type == f->type || (f->type == PTV_URI && before->type == PTV_WORD);
        if (known)
            continue;
        if (f->type == PTV_RECORDS) {
            put_rows(out, f);
            continue;
        }
        ptv_buf_puts(out, "\n---@class ");
        put_class_name(out, f);
        ptv_buf_putc(out, '\n');
        put_tests(out, f, true);
        if (f->type == PTV_SET)
            ptv_buf_puts(out, "---@field matched ptverdict.matched For hits: those of the set that a rule matched.\n");
    }
}

/* The value of a field in a record: in a case's `given`, and in what a custom function reads. */
static void put_value_type(ptv_buf *out, const ptv_field *f, bool given)
{
    switch (f->type) {
    case PTV_NUMBER:
        ptv_buf_puts(out, "integer");
        return;
    case PTV_YESNO:
        ptv_buf_puts(out, "boolean");
        return;
    case PTV_TIME:
        ptv_buf_puts(out, given ? "string|integer" : "integer");
        return;
    case PTV_SET:
        ptv_buf_puts(out, given ? "string|string[]" : "string[]");
        return;
    case PTV_RECORDS:
        ptv_buf_puts(out, "ptverdict.row_of_records[]");
        return;
    case PTV_ENUM:
        put_values(out, f);
        ptv_buf_puts(out, given && f->section != PTV_ALWAYS ? "|\"\"" : "");
        return;
    default:
        ptv_buf_puts(out, "string");
    }
}

static void put_record_field(ptv_buf *out, const ptv_field *f, const char *name, bool given)
{
    bool sure =
        f->section == PTV_ALWAYS && (given ? f->type == PTV_WORD : f->type != PTV_URI); /* never absent, or required */
    ptv_buf_printf(out, "---@field %s%s ", name, sure ? "" : "?");
    put_value_type(out, f, given);
    ptv_buf_printf(out, "%s %s\n", given && !dot_of(f) && f->section != PTV_ALWAYS ? "|ptverdict.state" : "", f->doc);
}

static void put_record(ptv_buf *out, const char *class, bool given)
{
    for (const ptv_field *f = ptv_fields; f < ptv_fields + ptv_field_count; f++) {
        if (!opens_group(f))
            continue;
        ptv_buf_printf(out, "\n---@class ptverdict.%s.%.*s\n", class, (int)(dot_of(f) - f->name), f->name);
        for (const ptv_field *g = f; g < ptv_fields + ptv_field_count; g++)
            if (same_group(f, g))
                put_record_field(out, g, dot_of(g) + 1, given);
    }
    ptv_buf_printf(out, "\n---@class ptverdict.%s\n", class);
    for (const ptv_field *f = ptv_fields; f < ptv_fields + ptv_field_count; f++) {
        if (!dot_of(f))
            put_record_field(out, f, f->name, given);
        else if (opens_group(f))
            ptv_buf_printf(out, "---@field %.*s? ptverdict.%s.%.*s%s\n", (int)(dot_of(f) - f->name), f->name, class,
                           (int)(dot_of(f) - f->name), f->name, given ? "|ptverdict.state" : "");
    }
    for (const ptv_field *f = ptv_fields; given && f < ptv_fields + ptv_field_count; f++)
        if (dot_of(f)) {
            ptv_buf_printf(out, "---@field [\"%s\"]? ", f->name);
            put_value_type(out, f, given);
            ptv_buf_putc(out, '\n');
        }
}

/* tags, classification, and the groups: passive_dns with its fields. */
static void put_fields(ptv_buf *out)
{
    for (const ptv_field *f = ptv_fields; f < ptv_fields + ptv_field_count; f++) {
        if (!dot_of(f)) {
            ptv_buf_printf(out, "\n---%s\n---@type ", f->doc);
            put_class_name(out, f);
            ptv_buf_printf(out, "\n%s = nil\n", f->name);
        }
        if (!opens_group(f))
            continue;
        int len = (int)(dot_of(f) - f->name);
        ptv_buf_printf(out, "\n---@class ptverdict.group.%.*s\n", len, f->name);
        for (const ptv_field *g = f; g < ptv_fields + ptv_field_count; g++) {
            if (!same_group(f, g))
                continue;
            ptv_buf_printf(out, "---@field %s ", dot_of(g) + 1);
            put_class_name(out, g);
            ptv_buf_printf(out, " %s\n", g->doc);
        }
        ptv_buf_printf(out, "\n---@type ptverdict.group.%.*s\n%.*s = nil\n", len, f->name, len, f->name);
    }
}

static void put_annotations(ptv_buf *out)
{
    ptv_buf_puts(out,
                 "---@meta _\n"
                 "-- The words of ptverdict's rule files and tests, for editors with the Lua language server. Made by\n"
                 "-- `ptverdict fields --editor`, which writes it anew: no place for changes. Nothing runs this file.\n\n");
    ptv_buf_puts(out, kinds);
    put_classes(out);
    put_record(out, "given", true);
    put_record(out, "record", false);
    ptv_buf_puts(out, "\n---@class stringlib\n");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        ptv_buf_printf(out, "---@field %s %s\n", texts[i].name, texts[i].type);
    put_fields(out);
    for (size_t i = 0; i < WORDS; i++)
        ptv_buf_printf(out, "\n---%s\n---@type %s\n%s = nil\n", words[i].about, words[i].type, words[i].name);
}

/* Rule files have none of the stock library, so the server is told to forget it. */
static void put_server_settings(ptv_buf *out)
{
    static const char *const libraries[] = { "basic", "bit",         "bit32",     "coroutine", "debug",   "ffi",
                                             "io",    "jit",         "math",      "os",        "package", "string",
                                             "table", "table.clear", "table.new", "utf8" };
    ptv_buf_puts(out, "{\n  \"runtime.version\": \"Lua 5.4\",\n  \"runtime.builtin\": {\n");
    size_t count = sizeof libraries / sizeof *libraries;
    for (size_t i = 0; i < count; i++)
        ptv_buf_printf(out, "    \"%s\": \"disable\"%s\n", libraries[i], i + 1 < count ? "," : "");
    ptv_buf_puts(out,
                 "  },\n  \"workspace.library\": [\"" PTV_EDITOR_FOLDER "\"],\n"
                 "  \"workspace.checkThirdParty\": false,\n"
                 "  \"diagnostics.severity\": { \"undefined-global\": \"Error!\", \"undefined-field\": \"Error!\" }\n}\n");
}

/* ------------------------------------------------------------------------------------------------- luacheck */

static void put_names_of(ptv_buf *out, const ptv_field *f)
{
    ptv_buf_puts(out, "fields = { ");
    if (f->type == PTV_RECORDS)
        ptv_buf_puts(out, "\"count\", \"any\", \"is_missing\", \"is_present\"");
    for (const int *op = ptv_ops_of(f->type); *op >= 0 && f->type != PTV_RECORDS; op++)
        ptv_buf_printf(out, "%s\"%s\"", op == ptv_ops_of(f->type) ? "" : ", ", ptv_op_name((ptv_op)*op));
    ptv_buf_printf(out, "%s }", f->type == PTV_SET ? ", \"matched\"" : "");
}

static void put_word_names(ptv_buf *out, where place)
{
    for (size_t i = 0; i < WORDS; i++)
        if (words[i].where & place)
            ptv_buf_printf(out, "    %s = {},\n", words[i].name);
}

static void put_luacheck(ptv_buf *out)
{
    ptv_buf_puts(
        out, "-- What luacheck needs to know about rule files and tests. Made by `ptverdict fields --format luacheck`.\n\n"
             "stds.ptverdict = {\n  read_globals = {\n");
    put_word_names(out, IN_RULES);
    for (const ptv_field *f = ptv_fields; f < ptv_fields + ptv_field_count; f++) {
        if (!dot_of(f)) {
            ptv_buf_printf(out, "    %s = { ", f->name);
            put_names_of(out, f);
            ptv_buf_puts(out, " },\n");
        }
        if (!opens_group(f))
            continue;
        ptv_buf_printf(out, "    %.*s = { fields = {\n", (int)(dot_of(f) - f->name), f->name);
        for (const ptv_field *g = f; g < ptv_fields + ptv_field_count; g++) {
            if (!same_group(f, g))
                continue;
            ptv_buf_printf(out, "      %s = { ", dot_of(g) + 1);
            put_names_of(out, g);
            ptv_buf_puts(out, " },\n");
        }
        ptv_buf_puts(out, "    } },\n");
    }
    ptv_buf_puts(out, "  },\n}\nstds.ptverdict_tests = {\n  read_globals = {\n");
    put_word_names(out, IN_TESTS);
    ptv_buf_puts(out, "  },\n}\n\nstd = \"ptverdict\"\nfiles[\"**/*.test.lua\"] = { std = \"ptverdict_tests\" }\n"
                      "exclude_files = { \"**/" PTV_EDITOR_FOLDER "/*\" }\n");
}

ptv_code ptv_editor_write(ptv_editor_file file, ptv_write_fn *write, void *to, ptv_error *err)
{
    ptv_buf out = PTV_BUF(OUTPUT_LIMIT);
    if (file == PTV_EDITOR_WORDS)
        put_annotations(&out);
    else if (file == PTV_EDITOR_SETTINGS)
        put_server_settings(&out);
    else
        put_luacheck(&out);
    return ptv_hand_over(&out, write, to, err);
}
