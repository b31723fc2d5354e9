/*
 * template_parse.c: `{artifact} carries {tags.matched|list}` into pieces.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/template_parse.h"
#include "base/text.h"
#include <string.h>

static ptv_code bad_name(ptv_arena *mem, const char *name, ptv_error *err)
{
    const char *names[128];
    size_t count = 0;
    names[count++] = "severity";
    names[count++] = "reason";
    for (size_t i = 0; i < ptv_field_count && count < 126; i++) {
        names[count++] = ptv_fields[i].name;
        if (ptv_fields[i].type != PTV_SET)
            continue;
        names[count] = ptv_arena_printf(mem, "%s.matched", ptv_fields[i].name);
        count += names[count] != NULL;
    }
    const char *nearest = ptv_text_nearest(name, names, count);
    return ptv_fail(err, PTV_ERULES, "no placeholder '{%.80s}'%s%s%s", name, nearest ? " (did you mean '{" : "",
                    nearest ? nearest : "", nearest ? "}'?)" : "");
}

static ptv_code read_name(ptv_piece *p, ptv_sections *sections, ptv_arena *mem, const char *name, ptv_error *err)
{
    if (ptv_text_equal(name, "severity")) {
        p->word = PTV_PH_SEVERITY;
        return PTV_OK;
    }
    if (ptv_text_equal(name, "reason")) {
        p->word = PTV_PH_REASON;
        return PTV_OK;
    }
    p->field = ptv_field_find(name);
    if (!p->field && ptv_text_ends(name, ".matched")) {
        char *set = ptv_arena_strndup(mem, name, strlen(name) - strlen(".matched"));
        if (!set)
            return ptv_arena_fail(mem, err);
        p->field = ptv_field_find(set);
        if (p->field && p->field->type != PTV_SET)
            return ptv_fail(err, PTV_ERULES, "'{%s}': only a set has matched words; %s is a %s", name, p->field->name,
                            ptv_type_name(p->field->type));
        p->word = PTV_PH_MATCHED;
    }
    if (!p->field)
        return bad_name(mem, name, err);
    if (p->field->section != PTV_ALWAYS)
        *sections |= PTV_BIT(p->field->section);
    return PTV_OK;
}

/* `else "text"`: quotes are needed, so that blanks can be seen. */
static ptv_code read_else(ptv_piece *p, ptv_arena *mem, const char *text, size_t len, ptv_error *err)
{
    ptv_text_trim(&text, &len);
    if (len < 2 || (text[0] != '"' && text[0] != '\'') || text[len - 1] != text[0])
        return ptv_fail(err, PTV_ERULES, "else needs a text in quotes: {link|else \"no page\"}");
    p->otherwise = ptv_arena_strndup(mem, text + 1, len - 2);
    return p->otherwise ? PTV_OK : ptv_arena_fail(mem, err);
}

static ptv_code show_as(ptv_piece *p, const char *name, int show, ptv_error *err)
{
    bool fits = p->field != NULL;
    ptv_type type = fits ? p->field->type : PTV_WORD;
    if (show == PTV_SHOW_LIST)
        fits = fits && (type == PTV_SET || type == PTV_RECORDS);
    else if (show == PTV_SHOW_NUMBER)
        fits = fits && (type == PTV_NUMBER || type == PTV_SET || type == PTV_RECORDS);
    else
        fits = fits && (type == PTV_TIME || type == PTV_WORD);
    if (!fits)
        return ptv_fail(err, PTV_ERULES, "|%s does not fit %s", name,
                        p->field                     ? p->field->name
                        : p->word == PTV_PH_SEVERITY ? "severity"
                                                     : "reason");
    switch (show) {
    case PTV_SHOW_LIST:
        p->show = PTV_SHOW_LIST;
        break;
    case PTV_SHOW_NUMBER:
        p->show = PTV_SHOW_NUMBER;
        break;
    default:
        p->show = PTV_SHOW_DATE;
    }
    return PTV_OK;
}

static ptv_code read_filter(ptv_piece *p, ptv_arena *mem, const char *text, size_t len, ptv_error *err)
{
    static const char *const names[] = { "list", "date", "number", "first", "else" };
    ptv_text_trim(&text, &len);
    if (len > 4 && memcmp(text, "else", 4) == 0 && (ptv_is_blank(text[4]) || text[4] == '"' || text[4] == '\''))
        return read_else(p, mem, text + 4, len - 4, err);
    char word[80];
    if (len >= sizeof word)
        return ptv_fail(err, PTV_ERULES, "no filter '%.40s…'", text);
    memcpy(word, text, len);
    word[len] = '\0';
    if (ptv_text_starts(word, "first(") && word[len - 1] == ')') {
        word[len - 1] = '\0';
        const char *digits = word + strlen("first(");
        size_t n = strlen(digits);
        ptv_text_trim(&digits, &n);
        word[(size_t)(digits - word) + n] = '\0';
        if (ptv_int_parse(&p->first, digits) && p->first >= 1 && p->first <= 10000)
            return PTV_OK;
        return ptv_fail(err, PTV_ERULES, "first needs a number from 1 to 10000: {tags|first(3)|list}");
    }
    if (ptv_text_equal(word, "list"))
        return show_as(p, word, PTV_SHOW_LIST, err);
    if (ptv_text_equal(word, "date"))
        return show_as(p, word, PTV_SHOW_DATE, err);
    if (ptv_text_equal(word, "number"))
        return show_as(p, word, PTV_SHOW_NUMBER, err);
    if (ptv_text_equal(word, "first"))
        return ptv_fail(err, PTV_ERULES, "first needs a number: {tags|first(3)|list}");
    if (ptv_text_equal(word, "else"))
        return read_else(p, mem, "", 0, err);
    const char *nearest = ptv_text_nearest(word, names, sizeof names / sizeof *names);
    return ptv_fail(err, PTV_ERULES, "no filter '%s'%s%s%s; there are list, date, number, first(n), else \"text\"", word,
                    nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
}

/* The end of the part that starts at `p`: '|' or '}' outside quotes; NULL: the line ends first. */
static const char *part_end(const char *p)
{
    for (char quote = 0; *p; p++) {
        if (quote)
            quote = *p == quote ? 0 : quote;
        else if (*p == '"')
            quote = *p;
        else if (*p == '|' || *p == '}')
            return p;
    }
    return NULL;
}

static ptv_code read_placeholder(ptv_piece *p, const char **at, ptv_sections *sections, ptv_arena *mem, ptv_error *err)
{
    const char *start = *at + 1, *end = part_end(start);
    *p = (ptv_piece){ .word = PTV_PH_FIELD, .show = PTV_SHOW_PLAIN, .first = -1 };
    if (!end)
        return ptv_fail(err, PTV_ERULES, "'{%.40s' is not closed; write {{ for a bracket of the text", start);
    const char *text = start;
    size_t len = (size_t)(end - start);
    ptv_text_trim(&text, &len);
    char *name = ptv_arena_strndup(mem, text, len);
    if (!name)
        return ptv_arena_fail(mem, err);
    ptv_code rc = read_name(p, sections, mem, name, err);
    while (!rc && *end == '|') {
        start = end + 1;
        end = part_end(start);
        if (!end)
            return ptv_fail(err, PTV_ERULES, "'{%s|' is not closed", name);
        rc = read_filter(p, mem, start, (size_t)(end - start), err);
    }
    *at = end + 1;
    return rc;
}

static const char *behind_placeholder(const char *at)
{
    const char *end = part_end(at);
    while (end && *end == '|')
        end = part_end(end + 1);
    return end ? end + 1 : at + strlen(at);
}

ptv_code ptv_template_parse(ptv_template_line *out, ptv_sections *sections, ptv_arena *mem, const char **all, ptv_error *err)
{
    const char *text = *all;
    ptv_template_line line = { .optional = *text == '?' };
    text += line.optional;
    size_t most = 1;
    for (const char *p = text; *p; p++)
        most += *p == '{' || *p == '}' ? 2 : 0; /* it, and the text behind it */
    ptv_piece *pieces = ptv_arena_calloc(mem, most, sizeof *pieces);
    if (!pieces)
        return ptv_arena_fail(mem, err);
    while (*text) {
        if (*text == '{' && text[1] != '{') {
            *all = behind_placeholder(text + 1);
            ptv_code rc = read_placeholder(&pieces[line.count++], &text, sections, mem, err);
            if (rc)
                return rc;
            continue;
        }
        size_t len = strcspn(text, "{}");
        size_t skip = 0;
        if (len == 0) { /* "{{", "}}" or a lone "}" */
            len = 1;
            skip = text[1] == text[0];
        }
        char *literal = ptv_arena_strndup(mem, text, len);
        if (!literal)
            return ptv_arena_fail(mem, err);
        pieces[line.count++] = (ptv_piece){ .literal = literal, .first = -1 };
        text += len + skip;
    }
    line.pieces = pieces;
    *out = line;
    *all = text;
    return PTV_OK;
}
