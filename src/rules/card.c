/*
 * card.c: what a match shows: one hit card and one note, however many rules match.
 *
 * The card is the standard hit once (names, types and order are those of the old app: playbooks read them), then each
 * rule's own fields, then which rules matched and what could not be read. Names are unique on a card.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "rules/judge.h"

#include "rules/explain.h"
#include "rules/template.h"

enum { FIRST_NAMES = 10 };

typedef struct card {
    ptv_judging *j;
    ptv_hit_property *list;
    size_t count;
} card;

static void add(card *c, const char *name, ptv_hit_type type, const char *value)
{
    if (value && *value)
        c->list[c->count++] = (ptv_hit_property){ .name = name, .value = value, .type = type };
}

static void add_number(card *c, const char *name, int64_t n)
{
    if (n < 0)
        return;
    char digits[24];
    const char *text = ptv_arena_strndup(c->j->trial.mem, digits, ptv_int_format(digits, n));
    if (!text)
        c->j->trial.rc = ptv_arena_fail(c->j->trial.mem, c->j->trial.err);
    add(c, name, PTV_HIT_NUMBER, text);
}

static void add_list(card *c, const char *name, const char *const *items, size_t count)
{
    if (!items || !count)
        return;
    ptv_list_write(&c->j->words, items, count, SIZE_MAX, false);
    add(c, name, PTV_HIT_STRING, ptv_words_keep(&c->j->trial, &c->j->words));
}

static void add_standard(card *c)
{
    const ptv_record *r = c->j->trial.record;
    ptv_sections readable = c->j->trial.readable;
    if (readable & PTV_BIT(PTV_PASSIVE_DNS)) {
        add_number(c, ptv_card_names[PTV_CARD_DNS_RECORDS], r->total_records);
        add(c, ptv_card_names[PTV_CARD_FIRST_SEEN], PTV_HIT_STRING, r->first_seen_text);
        add(c, ptv_card_names[PTV_CARD_LAST_SEEN], PTV_HIT_STRING, r->last_seen_text);
    }
    if (readable & PTV_BIT(PTV_SUBDOMAINS)) {
        const ptv_set *names = r->subdomain_first_ten.shown ? &r->subdomain_first_ten : &r->subdomain_names;
        size_t few = names->shown_count < FIRST_NAMES ? names->shown_count : FIRST_NAMES;
        add_number(c, ptv_card_names[PTV_CARD_SUBDOMAINS], r->subdomain_count);
        add_list(c, ptv_card_names[PTV_CARD_FIRST_TEN], names->shown, few);
    }
    if (readable & PTV_BIT(PTV_TAGS))
        add_list(c, ptv_card_names[PTV_CARD_TAGS], r->tags.shown, r->tags.shown_count);
    if (readable & PTV_BIT(PTV_CLASSIFICATION))
        add(c, ptv_card_names[PTV_CARD_CLASSIFICATION], PTV_HIT_STRING, r->classification);
    add(c, ptv_card_names[PTV_CARD_LINK], PTV_HIT_URI, r->link);
}

static bool is_taken(const card *c, const char *name)
{
    for (size_t i = PTV_CARD_STANDARD; i < PTV_CARD_COUNT; i++)
        if (strcmp(ptv_card_names[i], name) == 0)
            return true;
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->list[i].name, name) == 0)
            return true;
    return false;
}

static const char *own_name(card *c, const char *name, const char *rule_id)
{
    if (!is_taken(c, name))
        return name;
    ptv_buf_printf(&c->j->warnings, "hit field '%s' is named by more than one rule: shown as '%s (%s)'\n", name, name,
                   rule_id);
    do {
        name = ptv_arena_printf(c->j->trial.mem, "%s (%s)", name, rule_id);
        if (!name)
            c->j->trial.rc = ptv_arena_fail(c->j->trial.mem, c->j->trial.err);
    } while (name && is_taken(c, name));
    return name;
}

static void add_own(card *c, const ptv_hit_item *item, const ptv_show *show, const char *rule_id)
{
    ptv_buf *words = &c->j->words;
    bool complete = true;
    for (size_t i = 0; i < item->value.count; i++) {
        if (i)
            ptv_buf_putc(words, '\n');
        complete &= ptv_template_line_write(words, show, &item->value.lines[i]);
    }
    if (words->failed == PTV_ETOOBIG) /* cut at the buffer's ceiling */
        words->failed = PTV_OK;
    const char *value = c->j->trial.rc ? NULL : ptv_words_keep(&c->j->trial, words);
    if (!value || !*value || !complete)
        return;
    const char *name = own_name(c, item->name, rule_id);
    if (name)
        add(c, name, item->type, value);
}

static ptv_show show_of(ptv_judging *j, size_t index, bool raw)
{
    const ptv_finding_of *found = &j->found[index];
    return (ptv_show){ .trial = &j->trial,
                       .reached = found->reached ? found->reached->when : NULL,
                       .severity = j->results[index].severity,
                       .reason = j->results[index].reason,
                       .raw = raw };
}

static void add_ours(card *c)
{
    ptv_judging *j = c->j;
    ptv_sections unread = 0;
    const char *comma = "";
    for (size_t i = 0; i < j->rs->rule_count; i++) {
        if (!ptv_is_live_match(&j->results[i]))
            continue;
        unread |= j->rs->rules[i]->shown_sections & ~j->trial.readable;
        ptv_buf_puts(&j->words, comma);
        ptv_buf_puts(&j->words, j->results[i].id);
        comma = ", ";
    }
    add(c, ptv_card_names[PTV_CARD_RULES], PTV_HIT_STRING, ptv_words_keep(&j->trial, &j->words));
    if (unread && !j->trial.rc) {
        ptv_troubles_write(&j->words, &j->trial, unread);
        add(c, ptv_card_names[PTV_CARD_NOT_READ], PTV_HIT_STRING, ptv_words_keep(&j->trial, &j->words));
    }
}

void ptv_judging_card(ptv_judging *j)
{
    size_t most = PTV_CARD_COUNT;
    bool matched = false, standard = false;
    for (size_t i = 0; i < j->rs->rule_count; i++) {
        const ptv_rule *rule = j->rs->rules[i];
        if (!ptv_is_live_match(&j->results[i]))
            continue;
        matched = true;
        most += rule->hit_count;
        for (size_t h = 0; h < rule->hit_count; h++)
            standard |= rule->hit[h].standard;
    }
    if (!matched)
        return;
    card c = { .j = j, .list = ptv_arena_calloc(j->trial.mem, most, sizeof *c.list) };
    if (!c.list) {
        j->trial.rc = ptv_arena_fail(j->trial.mem, j->trial.err);
        return;
    }
    if (standard)
        add_standard(&c);
    for (size_t i = 0; i < j->rs->rule_count; i++) {
        const ptv_rule *rule = j->rs->rules[i];
        if (!ptv_is_live_match(&j->results[i]))
            continue;
        ptv_show show = show_of(j, i, true);
        for (size_t h = 0; h < rule->hit_count && !j->trial.rc; h++)
            if (!rule->hit[h].standard)
                add_own(&c, &rule->hit[h], &show, rule->id);
    }
    if (!j->trial.rc)
        add_ours(&c);
    j->decision->hit = c.list;
    j->decision->hit_count = c.count;
}

void ptv_judging_note(ptv_judging *j)
{
    for (size_t i = 0; i < j->rs->rule_count && !j->trial.rc; i++) {
        if (!ptv_is_live_match(&j->results[i]) || !j->rs->rules[i]->note.count)
            continue;
        ptv_show show = show_of(j, i, false);
        if (j->words.len)
            ptv_buf_puts(&j->words, "\n\n");
        ptv_template_write(&j->words, &show, &j->rs->rules[i]->note);
    }
    if (j->words.failed == PTV_ETOOBIG) {
        j->words.failed = PTV_OK;
        ptv_buf_puts(&j->warnings, "the note was cut at 1 MB\n");
    }
    if (!j->trial.rc && (j->words.len || j->words.failed))
        j->decision->note = ptv_words_keep(&j->trial, &j->words);
}
