/*
 * findings_sarif.c: findings as SARIF 2.1.0, the form in which code hosts and editors take the findings of a checker.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/findings.h"

#include "base/findings.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/talk.h"

static const char *const levels[] = { [PTV_NOTE] = "note", [PTV_WARNING] = "warning", [PTV_ERROR] = "error" };

static void put_message(ptv_json_out *o, const char *key, const char *text)
{
    ptv_json_open(o, key, '{');
    ptv_json_put_text(o, "text", text);
    ptv_json_close(o, '}');
}

/* A path as a URI reference (RFC 3986): relative to where the command ran, or file:// when it is absolute. A colon could be
 * taken for a scheme, so it goes percent-encoded like everything that is not plain. */
static void put_uri(ptv_buf *out, const char *path)
{
    if (*path == '/')
        ptv_buf_puts(out, "file://");
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (letter || strchr("-._~/", *p))
            ptv_buf_putc(out, (char)*p);
        else
            ptv_buf_printf(out, "%%%02X", *p);
    }
}

static void put_location(ptv_json_out *o, const ptv_finding *f, ptv_buf *uri)
{
    ptv_json_open(o, "locations", '[');
    if (f->file && *f->file) { /* else: about the whole run */
        put_uri(uri, f->file);
        ptv_json_open(o, NULL, '{');
        ptv_json_open(o, "physicalLocation", '{');
        ptv_json_open(o, "artifactLocation", '{');
        ptv_json_put_text(o, "uri", uri->data);
        ptv_json_close(o, '}');
        if (f->line > 0) {
            ptv_json_open(o, "region", '{');
            ptv_json_put_int(o, "startLine", f->line);
            ptv_json_close(o, '}');
        }
        ptv_json_close(o, '}');
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

static void put_result(ptv_json_out *o, const ptv_finding *f)
{
    ptv_buf uri = PTV_BUF(1 << 20);
    ptv_json_open(o, NULL, '{');
    ptv_json_put_text(o, "ruleId", f->code);
    for (size_t i = 0; i < ptv_finding_code_count; i++)
        if (strcmp(ptv_finding_codes[i].code, f->code) == 0)
            ptv_json_put_int(o, "ruleIndex", (int64_t)i);
    ptv_json_put_text(o, "level", levels[f->grade]);
    put_message(o, "message", f->message);
    put_location(o, f, &uri);
    ptv_json_close(o, '}');
    if (uri.failed)
        o->buf->failed = uri.failed;
    ptv_buf_release(&uri);
}

static void put_tool(ptv_json_out *o)
{
    ptv_json_open(o, "tool", '{');
    ptv_json_open(o, "driver", '{');
    ptv_json_put_text(o, "name", "ptverdict");
    ptv_json_put_text(o, "version", PTV_VERSION);
    ptv_json_open(o, "rules", '[');
    for (size_t i = 0; i < ptv_finding_code_count; i++) {
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "id", ptv_finding_codes[i].code);
        put_message(o, "shortDescription", ptv_finding_codes[i].about);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
    ptv_json_close(o, '}');
    ptv_json_close(o, '}');
}

ptv_code cli_findings_sarif(const ptv_findings *f, ptv_error *err)
{
    ptv_buf text = PTV_BUF(64 << 20);
    ptv_json_out o = { .buf = &text };
    const ptv_finding *one;
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    ptv_json_put_text(&o, "version", "2.1.0");
    ptv_json_open(&o, "runs", '[');
    ptv_json_open(&o, NULL, '{');
    put_tool(&o);
    ptv_json_open(&o, "results", '[');
    for (size_t i = 0; (one = ptv_findings_at(f, i)) != NULL; i++)
        put_result(&o, one);
    ptv_json_close(&o, ']');
    ptv_json_close(&o, '}');
    ptv_json_close(&o, ']');
    ptv_json_close(&o, '}');
    ptv_buf_putc(&text, '\n');
    ptv_code rc = ptv_buf_check(&text, err);
    if (!rc)
        cli_write(NULL, text.data, text.len);
    ptv_buf_release(&text);
    return rc;
}
