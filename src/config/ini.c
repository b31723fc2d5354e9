/*
 * ini.c: configparser's rules in front of inih. inih as packaged cuts lines at 200 bytes, takes " ;" for a comment and every
 * indented line for a continuation. So the file is scanned here, line by line, and inih is handed short lines that it cannot
 * misread; its handler puts them together again:
 *
 *     [a]              s1=|a|
 *     key = one        k2=|key|    v2=|one|
 *       two            n3=|two|                n: a newline, then this
 *     long = xxx…      k4=|long|   v4=|xxx…|   +4=|…xxx|   +: more of the same
 *
 * The bars keep blanks at the ends of a piece; a piece ends before a ';' that follows a blank.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "config/ini.h"
#include "base/buf.h"
#include "base/text.h"
#include <ini.h>
#include <limits.h>

#define PIECE    120       /* bytes of text in one line for inih, which takes 197 */
#define DEFAULTS "DEFAULT" /* the section whose keys every other section inherits */

typedef struct span {
    const char *at, *end;
} span;

typedef struct item { /* one thing for inih, sent in pieces */
    char mark;
    span text;
    int line;
} item;

typedef struct section_seen {
    const char *name;
    int line;
} section_seen;

typedef struct reading {
    /* scanning */
    span rest;
    int line, indent;
    bool in_section, in_key, done;
    item queue[2];
    int queued;
    /* putting together */
    char mark; /* what `now` will become: 's' 'k' 'v', 0 at first */
    int mark_line;
    ptv_buf now;
    const char *section, *key;
    int key_line;
    ptv_arena *mem;
    ptv_ini_entry *entries;
    size_t count, room;
    section_seen *sections;
    size_t section_count, section_room;
    const char *file;
    int bad_line; /* the line that ended the scan, 0: none; what is wrong with it: */
    const char *bad;
    ptv_code failed; /* anything else: no memory, our bug */
    ptv_error *err;
} reading;

/* Bytes of the blank character at `at`, as str.isspace() sees it; 0: none. */
static size_t blank_at(const char *at, const char *end)
{
    const unsigned char *p = (const unsigned char *)at;
    size_t n = (size_t)(end - at);
    if (n == 0)
        return 0;
    if ((p[0] >= 0x09 && p[0] <= 0x0d) || (p[0] >= 0x1c && p[0] <= 0x20))
        return 1;
    if (n >= 2 && p[0] == 0xc2 && (p[1] == 0x85 || p[1] == 0xa0)) /* NEL, no-break space */
        return 2;
    if (n < 3)
        return 0;
    unsigned point = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    if ((p[0] & 0xf0) != 0xe0)
        return 0;
    bool blank = point == 0x1680 || (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 ||
                 point == 0x202f || point == 0x205f || point == 0x3000;
    return blank ? 3 : 0;
}

static size_t char_at(const char *at)
{
    unsigned char c = (unsigned char)*at;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* str.strip(); the characters cut at the front are counted in *indent. The text is valid UTF-8. */
static span strip(span s, int *indent)
{
    size_t n;
    int cut = 0;
    while ((n = blank_at(s.at, s.end)) > 0) {
        s.at += n;
        cut++;
    }
    const char *last = s.at;
    for (const char *p = s.at; p < s.end;) {
        n = blank_at(p, s.end);
        p += n ? n : char_at(p);
        if (!n)
            last = p;
    }
    s.end = last;
    if (indent)
        *indent = cut;
    return s;
}

/* The next line without its end (\n, \r or \r\n, as Python's text files have it); false: none is left. */
static bool next_line(span *out, span *rest)
{
    if (rest->at == rest->end)
        return false;
    out->at = rest->at;
    const char *p = rest->at;
    while (p < rest->end && *p != '\n' && *p != '\r')
        p++;
    out->end = p;
    if (p < rest->end)
        p += *p == '\r' && p + 1 < rest->end && p[1] == '\n' ? 2 : 1;
    rest->at = p;
    return true;
}

static void bad_line(reading *r, const char *what)
{
    r->bad = what;
    r->bad_line = r->line;
    r->done = true;
}

static void send(reading *r, char mark, span text)
{
    r->queue[r->queued++] = (item){ mark, text, r->line };
}

/* Scan lines until one has something for inih. */
static void scan(reading *r)
{
    span line;
    while (r->queued == 0 && !r->done) {
        if (!next_line(&line, &r->rest)) {
            r->done = true;
            return;
        }
        r->line++;
        if (!ptv_utf8_valid(line.at, (size_t)(line.end - line.at))) {
            bad_line(r, "not UTF-8");
            return;
        }
        if (memchr(line.at, '\0', (size_t)(line.end - line.at))) {
            bad_line(r, "holds a NUL byte");
            return;
        }
        int indent;
        span text = strip(line, &indent);
        if (text.at == text.end) {
            if (r->in_key)
                send(r, 'n', text);
            continue;
        }
        if (*text.at == '#' || *text.at == ';')
            continue;
        if (r->in_key && indent > r->indent) {
            send(r, 'n', text);
            return;
        }
        r->indent = indent;
        size_t len = (size_t)(text.end - text.at);
        const char *close = *text.at == '[' ? memrchr(text.at, ']', len) : NULL;
        if (close && close > text.at + 1) {
            r->in_section = true;
            r->in_key = false;
            send(r, 's', (span){ text.at + 1, close });
            return;
        }
        if (!r->in_section) {
            bad_line(r, "text before the first [section]");
            return;
        }
        const char *equals = text.at;
        while (equals < text.end && *equals != '=' && *equals != ':')
            equals++;
        if (equals == text.end) {
            bad_line(r, "neither a [section], nor key = value, nor a continuation (which is indented deeper than its key)");
            return;
        }
        span key = strip((span){ text.at, equals }, NULL);
        if (key.at == key.end) {
            bad_line(r, "no key before the '='");
            return;
        }
        r->in_key = true;
        send(r, 'k', key);
        send(r, 'v', strip((span){ equals + 1, text.end }, NULL));
    }
}

/* fgets() for inih. */
static char *read_piece(char *out, int size, void *self)
{
    reading *r = self;
    if (r->failed)
        return NULL;
    scan(r);
    if (r->queued == 0)
        return NULL;
    item *it = &r->queue[0];
    const char *p = it->text.at;
    while (p < it->text.end && p - it->text.at < PIECE && !(*p == ';' && p > it->text.at && ptv_is_blank(p[-1])))
        p++;
    int n = snprintf(out, (size_t)size, "%c%d=|%.*s|\n", it->mark, it->line, (int)(p - it->text.at), it->text.at);
    if (n < 0 || n >= size) {
        r->failed = ptv_fail(r->err, PTV_EBUG, "%s:%d: inih takes only %d bytes", r->file, it->line, size);
        return NULL;
    }
    it->text.at = p;
    it->mark = '+';
    if (p == it->text.end && --r->queued > 0)
        r->queue[0] = r->queue[1];
    return out;
}

/* Room for one more in an array that lives in the arena. */
static void *one_more(reading *r, void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    size_t more = *room ? *room * 2 : 64;
    void *bigger = ptv_arena_calloc(r->mem, more, size);
    if (!bigger) {
        r->failed = ptv_arena_fail(r->mem, r->err);
        return NULL;
    }
    if (count)
        memcpy(bigger, array, count * size);
    *room = more;
    return bigger;
}

static void add_section(reading *r, const char *name)
{
    section_seen *sections = one_more(r, r->sections, r->section_count, &r->section_room, sizeof *sections);
    if (!sections)
        return;
    r->sections = sections;
    r->section = name;
    if (strcmp(name, DEFAULTS) != 0)
        sections[r->section_count++] = (section_seen){ name, r->mark_line };
}

static void add_entry(reading *r, const char *value)
{
    ptv_ini_entry *entries = one_more(r, r->entries, r->count, &r->room, sizeof *entries);
    if (!entries)
        return;
    r->entries = entries;
    entries[r->count++] = (ptv_ini_entry){ r->section, r->key, value, r->key_line };
}

/* What the pieces so far add up to. */
static void commit(reading *r)
{
    if (r->mark == 'v')
        while (r->now.len > 0 && r->now.data[r->now.len - 1] == '\n')
            r->now.len--;
    r->failed = ptv_buf_check(&r->now, r->err);
    if (r->failed || !r->mark)
        return;
    char *text = ptv_arena_strndup(r->mem, r->now.len ? r->now.data : "", r->now.len);
    if (!text) {
        r->failed = ptv_arena_fail(r->mem, r->err);
        return;
    }
    ptv_buf_clear(&r->now);
    if (r->mark == 's') {
        add_section(r, text);
    } else if (r->mark == 'v') {
        add_entry(r, text);
    } else {
        for (char *p = text; *p; p++)
            *p = ptv_lower(*p);
        r->key = text;
        r->key_line = r->mark_line;
    }
    r->mark = 0;
}

static int take_piece(void *self, const char *section, const char *name, const char *value)
{
    (void)section;
    reading *r = self;
    if (r->failed)
        return 0;
    char mark = name[0];
    if (mark == 's' || mark == 'k' || mark == 'v') {
        commit(r);
        int64_t line;
        if (!ptv_int_parse(&line, name + 1))
            r->failed = ptv_fail(r->err, PTV_EBUG, "%s: inih misread '%s'", r->file, name);
        if (r->failed)
            return 0;
        r->mark = mark;
        r->mark_line = (int)line;
    } else if (mark == 'n') {
        ptv_buf_putc(&r->now, '\n');
    }
    size_t len = strlen(value);
    if (len < 2) {
        r->failed = ptv_fail(r->err, PTV_EBUG, "%s: inih cut '%s'", r->file, value);
        return 0;
    }
    ptv_buf_append(&r->now, value + 1, len - 2);
    return 1;
}

static int compare_entries(const void *a, const void *b)
{
    const ptv_ini_entry *x = ((const ptv_ini_name *)a)->entry, *y = ((const ptv_ini_name *)b)->entry;
    int by_section = strcmp(x->section, y->section);
    int by_key = by_section ? by_section : strcmp(x->key, y->key);
    return by_key ? by_key : (x->line > y->line) - (x->line < y->line);
}

static int compare_sections(const void *a, const void *b)
{
    const section_seen *x = a, *y = b;
    int by_name = strcmp(x->name, y->name);
    return by_name ? by_name : (x->line > y->line) - (x->line < y->line);
}

/* Sort for finding, and report the first duplicate or bad line of the file, whichever stands higher. */
static ptv_code finish(ptv_ini *out, reading *r)
{
    ptv_ini_name *by_name = ptv_arena_calloc(r->mem, r->count + 1, sizeof *by_name);
    const char **sections = ptv_arena_calloc(r->mem, r->section_count + 1, sizeof(*sections));
    if (!by_name || !sections)
        return ptv_arena_fail(r->mem, r->err);
    for (size_t i = 0; i < r->count; i++)
        by_name[i].entry = &r->entries[i];
    if (r->count)
        qsort(by_name, r->count, sizeof *by_name, compare_entries);
    if (r->section_count)
        qsort(r->sections, r->section_count, sizeof *r->sections, compare_sections);
    int first = r->bad ? r->bad_line : INT_MAX;
    if (r->bad)
        r->failed = ptv_fail(r->err, PTV_ESETTINGS, "%s:%d: %s", r->file, r->bad_line, r->bad);
    for (size_t i = 1; i < r->count; i++) {
        const ptv_ini_entry *a = by_name[i - 1].entry, *b = by_name[i].entry;
        if (b->line < first && strcmp(a->section, b->section) == 0 && strcmp(a->key, b->key) == 0) {
            first = b->line;
            r->failed = ptv_fail(r->err, PTV_ESETTINGS, "%s:%d: '%.60s' is set twice in [%.60s], first on line %d", r->file,
                                 b->line, b->key, b->section, a->line);
        }
    }
    for (size_t i = 0; i < r->section_count; i++) {
        const section_seen *b = &r->sections[i];
        sections[i] = b->name;
        if (i > 0 && b->line < first && strcmp(b[-1].name, b->name) == 0) {
            first = b->line;
            r->failed = ptv_fail(r->err, PTV_ESETTINGS, "%s:%d: a second section [%.60s], the first is on line %d", r->file,
                                 b->line, b->name, b[-1].line);
        }
    }
    if (!r->failed)
        *out = (ptv_ini){ r->entries, r->count, by_name, sections, r->section_count };
    return r->failed;
}

ptv_code ptv_ini_read(ptv_ini *out, ptv_arena *mem, const char *text, size_t len, const char *file, ptv_error *err)
{
    if (len > PTV_INI_LIMIT)
        return ptv_fail(err, PTV_ETOOBIG, "%s: over %u bytes", file, PTV_INI_LIMIT);
    reading r = { .rest = { text, text + len }, .now = PTV_BUF(PTV_INI_LIMIT + 1), .mem = mem, .file = file, .err = err };
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        r.rest.at += 3;
    int misread = ini_parse_stream(read_piece, &r, take_piece, &r);
    if (!r.failed)
        commit(&r);
    if (!r.failed && misread)
        r.failed = ptv_fail(err, PTV_EBUG, "%s: inih refused a line", file);
    ptv_code rc = r.failed ? r.failed : finish(out, &r);
    ptv_buf_release(&r.now);
    return rc;
}

static int compare_name(const void *name, const void *entry)
{
    const ptv_ini_entry *x = name, *y = ((const ptv_ini_name *)entry)->entry;
    int by_section = strcmp(x->section, y->section);
    return by_section ? by_section : strcmp(x->key, y->key);
}

static const ptv_ini_entry *find(const ptv_ini *ini, const char *section, const char *key)
{
    if (!ini->count)
        return NULL;
    ptv_ini_entry name = { section, key, NULL, 0 };
    const ptv_ini_name *found = bsearch(&name, ini->by_name, ini->count, sizeof *ini->by_name, compare_name);
    return found ? found->entry : NULL;
}

bool ptv_ini_has_section(const ptv_ini *ini, const char *section)
{
    size_t low = 0, high = ini->section_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(section, ini->sections[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

const ptv_ini_entry *ptv_ini_find(const ptv_ini *ini, const char *section, const char *key)
{
    if (!ptv_ini_has_section(ini, section))
        return NULL;
    const ptv_ini_entry *own = find(ini, section, key);
    return own ? own : find(ini, DEFAULTS, key);
}
