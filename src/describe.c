/*
 * describe.c: what rules can say (`fields`) and what they make us fetch (`needs`), from the tables.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "rules/tree.h"

#define OUTPUT_LIMIT ((size_t)16 << 20)

/* An example of each test, as an analyst would write it. */
static const char *example_args(ptv_op op, ptv_type type)
{
    switch (op) {
    case PTV_OP_HAS_ANY:
    case PTV_OP_HAS_ALL:
    case PTV_OP_HAS_NONE:
        return " { \"ransomware\", \"phishing\" }";
    case PTV_OP_LIKE_ANY:
        return " { \"apt*\" }";
    case PTV_OP_COUNT_AT_LEAST:
        return "(3)";
    case PTV_OP_IS:
        return type == PTV_YESNO ? "(true)" : type == PTV_ENUM ? " \"malicious\"" : " \"evil.example\"";
    case PTV_OP_IS_ANY:
        return type == PTV_ENUM ? " { \"malicious\", \"suspicious\" }" : " { \"a.example\", \"b.example\" }";
    case PTV_OP_IS_NOT:
        return type == PTV_ENUM ? " \"non-malicious\"" : " \"good.example\"";
    case PTV_OP_LIKE:
        return " \"*.evil.example\"";
    case PTV_OP_IN_LIST:
    case PTV_OP_IN_ZONE:
    case PTV_OP_IN_CIDR:
        return "(list \"corp-domains\")";
    case PTV_OP_AT_LEAST:
    case PTV_OP_AT_MOST:
    case PTV_OP_EQUALS:
        return "(10)";
    case PTV_OP_BETWEEN:
        return "(10, 20)";
    case PTV_OP_WITHIN:
        return " \"30d\"";
    case PTV_OP_OLDER_THAN:
        return " \"1y\"";
    case PTV_OP_BEFORE:
    case PTV_OP_AFTER:
        return " \"2026-01-31\"";
    default:
        return "()";
    }
}

static const char *example_value(const ptv_field *field, ptv_op op)
{
    if (field->type == PTV_ENUM && field->section == PTV_ALWAYS)
        return op == PTV_OP_IS_ANY ? " { \"domain\" }" : op == PTV_OP_IS || op == PTV_OP_IS_NOT ? " \"domain\"" : NULL;
    return NULL;
}

static void put_example(ptv_buf *out, const ptv_field *field, ptv_op op)
{
    const char *value = example_value(field, op);
    ptv_buf_printf(out, "%s:%s%s", field->name, ptv_op_name(op), value ? value : example_args(op, field->type));
}

static const char *call_of(ptv_section s)
{
    return s == PTV_ALWAYS ? "no call" : s == PTV_ACCOUNT ? "account call" : "1 call";
}

static void field_json(ptv_json_out *o, const ptv_field *field)
{
    ptv_json_open(o, NULL, '{');
    ptv_json_put_text(o, "name", field->name);
    ptv_json_put_text(o, "type", ptv_type_name(field->type));
    ptv_json_put_text(o, "section", field->section == PTV_ALWAYS ? NULL : ptv_section_name(field->section));
    ptv_json_put_text(o, "doc", field->doc);
    ptv_json_open(o, "values", '[');
    for (const char *const *v = field->values; v && *v; v++)
        ptv_json_put_text(o, NULL, *v);
    ptv_json_close(o, ']');
    ptv_json_open(o, "tests", '[');
    for (const int *op = ptv_ops_of(field->type); *op >= 0; op++) {
        ptv_buf example = PTV_BUF(512);
        put_example(&example, field, (ptv_op)*op);
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "name", ptv_op_name((ptv_op)*op));
        ptv_json_put_text(o, "example", example.data);
        ptv_json_close(o, '}');
        ptv_buf_release(&example);
    }
    ptv_json_close(o, ']');
    ptv_json_close(o, '}');
}

static void field_text(ptv_buf *out, const ptv_field *field)
{
    ptv_buf_printf(out, "%s  (%s; %s)\n    %s\n", field->name, ptv_type_name(field->type), call_of(field->section),
                   field->doc);
    if (field->values) {
        ptv_buf_puts(out, "    one of:");
        for (const char *const *v = field->values; *v; v++)
            ptv_buf_printf(out, " %s", *v);
        ptv_buf_putc(out, '\n');
    }
    for (const int *op = ptv_ops_of(field->type); *op >= 0; op++) {
        ptv_buf_puts(out, "        ");
        if (field->type == PTV_RECORDS && *op != PTV_OP_IS_MISSING && *op != PTV_OP_IS_PRESENT)
            ptv_buf_printf(out, "%s:count { type = \"A\", first_seen = within \"7d\" }:%s%s", field->name,
                           ptv_op_name((ptv_op)*op), example_args((ptv_op)*op, field->type));
        else
            put_example(out, field, (ptv_op)*op);
        ptv_buf_putc(out, '\n');
    }
    if (field->type == PTV_RECORDS) {
        ptv_buf_printf(out, "        %s:any { resolve = \"192.0.2.1\" }\n    columns:\n", field->name);
        for (size_t i = 0; i < ptv_column_count; i++)
            ptv_buf_printf(out, "        %-10s  (%s) %s\n", ptv_columns[i].name, ptv_type_name(ptv_columns[i].type),
                           ptv_columns[i].doc);
    }
}

ptv_code ptv_fields_write(ptv_format format, ptv_write_fn *write, void *to, ptv_error *err)
{
    ptv_buf out = PTV_BUF(OUTPUT_LIMIT);
    if (format == PTV_FORMAT_JSON) {
        ptv_json_out o = { .buf = &out };
        ptv_json_open(&o, NULL, '{');
        ptv_json_put_text(&o, "schema", "ptverdict.fields/1");
        ptv_json_open(&o, "fields", '[');
        for (size_t i = 0; i < ptv_field_count; i++)
            field_json(&o, &ptv_fields[i]);
        ptv_json_close(&o, ']');
        ptv_json_open(&o, "columns", '[');
        for (size_t i = 0; i < ptv_column_count; i++) {
            ptv_json_open(&o, NULL, '{');
            ptv_json_put_text(&o, "name", ptv_columns[i].name);
            ptv_json_put_text(&o, "type", ptv_type_name(ptv_columns[i].type));
            ptv_json_put_text(&o, "doc", ptv_columns[i].doc);
            ptv_json_close(&o, '}');
        }
        ptv_json_close(&o, ']');
        ptv_json_close(&o, '}');
        ptv_buf_putc(&out, '\n');
    } else {
        for (size_t i = 0; i < ptv_field_count; i++)
            field_text(&out, &ptv_fields[i]);
    }
    return ptv_hand_over(&out, write, to, err);
}

/* --------------------------------------------------------------------------------------------------- needs */

static int count_sections(ptv_sections s)
{
    return __builtin_popcount(s);
}

static void put_sections_text(ptv_buf *out, ptv_sections set)
{
    bool first = true;
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (set & PTV_BIT(s)) {
            ptv_buf_printf(out, "%s%s", first ? "" : ", ", ptv_section_name((ptv_section)s));
            first = false;
        }
    }
    if (first)
        ptv_buf_puts(out, "nothing");
}

static void put_sections_json(ptv_json_out *o, const char *key, ptv_sections set)
{
    ptv_json_open(o, key, '[');
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (set & PTV_BIT(s))
            ptv_json_put_text(o, NULL, ptv_section_name((ptv_section)s));
    ptv_json_close(o, ']');
}

static const char *status_name(ptv_rule_status s)
{
    return s == PTV_LIVE ? "live" : s == PTV_SHADOW ? "shadow" : "off";
}

static void needs_json(ptv_buf *out, const ptv_client *c, ptv_sections judged, ptv_sections all)
{
    ptv_json_out o = { .buf = out };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "schema", "ptverdict.needs/1");
    ptv_json_open(&o, "rules", '[');
    for (size_t i = 0; i < ptv_ruleset_rule_count(c->rules); i++) {
        ptv_rule_needs n = ptv_ruleset_needs(c->rules, i);
        ptv_json_open(&o, NULL, '{');
        ptv_json_put_text(&o, "id", n.id);
        ptv_json_put_text(&o, "file", n.file);
        ptv_json_put_int(&o, "line", n.line);
        ptv_json_put_text(&o, "status", status_name(n.status));
        put_sections_json(&o, "judged", n.judged);
        put_sections_json(&o, "shown", n.shown);
        ptv_json_close(&o, '}');
    }
    ptv_json_close(&o, ']');
    ptv_json_put_int(&o, "calls_to_judge_at_most", count_sections(judged));
    ptv_json_put_int(&o, "calls_on_a_match_at_most", count_sections(all));
    ptv_json_close(&o, '}');
    ptv_buf_putc(out, '\n');
}

static void needs_text(ptv_buf *out, const ptv_client *c, ptv_sections judged, ptv_sections all)
{
    for (size_t i = 0; i < ptv_ruleset_rule_count(c->rules); i++) {
        ptv_rule_needs n = ptv_ruleset_needs(c->rules, i);
        ptv_buf_printf(out, "%s  (%s, %s:%d)\n    to be judged: ", n.id, status_name(n.status), n.file, n.line);
        put_sections_text(out, n.judged);
        ptv_buf_puts(out, "\n    to be shown on a match: ");
        put_sections_text(out, n.shown);
        ptv_buf_putc(out, '\n');
    }
    ptv_buf_printf(
        out, "An artifact costs at most %d call%s to be judged by the live rules, and at most %d on a match (plan = %s).\n",
        count_sections(judged), count_sections(judged) == 1 ? "" : "s", count_sections(all), c->fast ? "fast" : "frugal");
}

ptv_code ptv_needs_write(ptv_client *c, ptv_format format, ptv_write_fn *write, void *to, ptv_error *err)
{
    ptv_sections judged = 0;
    ptv_sections all = 0;
    for (size_t i = 0; i < ptv_ruleset_rule_count(c->rules); i++) {
        ptv_rule_needs n = ptv_ruleset_needs(c->rules, i);
        if (n.status == PTV_LIVE || (n.status == PTV_SHADOW && c->shadow_fetch)) {
            judged |= n.judged;
            all |= n.judged | n.shown;
        }
    }
    ptv_buf out = PTV_BUF(OUTPUT_LIMIT);
    if (format == PTV_FORMAT_JSON)
        needs_json(&out, c, judged, all);
    else
        needs_text(&out, c, judged, all);
    return ptv_hand_over(&out, write, to, err);
}
