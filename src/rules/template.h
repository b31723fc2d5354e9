/*
 * template.h: notes and hit values: text with values of the record in it. Internal to this folder.
 *
 *   {passive_dns.count}            12                     {tags}, {tags|list}     Ransomware, apt32 (as sent)
 *   {passive_dns.count|number}     12,345                 {tags|number}           2
 *   {passive_dns.first_seen}       2026-04-20T00:00:00Z   {tags.matched}          ransomware
 *   {passive_dns.first_seen|date}  2026-04-20             {tags|first(3)|list}    the first three
 *   {severity} {reason}            of the rule            {link|else "no page"}   where there is none
 */
#ifndef PTV_RULES_TEMPLATE_H
#define PTV_RULES_TEMPLATE_H
#include "base/buf.h"
#include "rules/cond.h"

typedef struct ptv_show { /* where placeholders look */
    ptv_trial *trial;
    const ptv_cond *reached; /* the condition that holds, for .matched */
    ptv_level severity;
    const char *reason;
    bool raw; /* a hit value: not escaped (whoever prints it does that), numbers without thousands marks */
} ptv_show;

/* One line. false: a value in it is missing; the text then has "(not read)" or "(none)" in its place. */
bool ptv_template_line_write(ptv_buf *out, const ptv_show *s, const ptv_template_line *line);
/* All lines, without the optional ones that miss a value; no newline at the end. Over the buffer's ceiling it is cut there
 * and the buffer is left failed with PTV_ETOOBIG. */
void ptv_template_write(ptv_buf *out, const ptv_show *s, const ptv_template *t);

#endif
