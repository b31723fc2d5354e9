/*
 * indicators.c: names and addresses in one open-addressing table over a pool of text, nets in a sorted array.
 *
 * A name is hashed from its end, so that one pass over the artifact gives the hash of every zone it lies in. The hash is
 * a polynomial over a prime at a secret random point: whoever writes a list cannot choose entries that collide, since
 * two texts of n bytes do so with a chance of n in 2^61. What is found never depends on the secret.
 *
 * Nets are sorted by first address, wider ones first; each knows the net it lies in. So the last net that starts at or
 * before an address is the most specific that covers it, or has it among those around it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/indicators.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/address.h"
#include "core/name.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define PRIME ((UINT64_C(1) << 61) - 1)
#define NONE  UINT32_MAX
enum { FIRST_SLOTS = 64, SCRATCH_LIMIT = 1 << 20, MOST_ENTRIES = 100000000 };

typedef struct entry {
    uint32_t text; /* where in the pool; NUL-terminated */
    uint32_t exact, zone;
    bool is_exact, is_zone;
} entry;

typedef struct slot {
    uint32_t hash;  /* its low bits are the place: no text is read to double the table, and most misses end here */
    uint32_t index; /* in entries, plus one; 0: empty */
} slot;

typedef struct net {
    unsigned char start[16];
    uint32_t value;
    uint32_t parent; /* the narrowest net around this one; NONE: there is none */
    uint32_t order;  /* of two equal ones the first stays */
    uint8_t prefix_len;
} net;

struct ptv_indicators {
    uint64_t key; /* the secret point */
    char *pool;
    size_t pool_len, pool_cap;
    entry *entries;
    size_t entry_count, entry_cap;
    slot *slots;
    size_t slot_count; /* a power of two, at least twice entry_count */
    net *nets;
    size_t net_count, net_cap;
    size_t count;
    uint8_t labels[(PTV_NAME_LIMIT + 1) / 8 + 1]; /* bit n: a zone of n labels is there */
    ptv_arena scratch;
};

/* -------------------------------------------------------------------------------------------- hash */

__extension__ typedef unsigned __int128 wide;

/* hash and the result may exceed the prime by a little; finish() takes that off. */
static uint64_t step(uint64_t key, uint64_t hash, char c)
{
    wide product = (wide)hash * key;
    uint64_t sum = ((uint64_t)product & PRIME) + (uint64_t)(product >> 61) + (unsigned char)c + 1;
    return (sum & PRIME) + (sum >> 61);
}

static uint32_t finish(uint64_t hash)
{
    hash = hash >= PRIME ? hash - PRIME : hash;
    return (uint32_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static uint32_t hash_of(uint64_t key, const char *text, size_t len)
{
    uint64_t hash = 0;
    while (len > 0)
        hash = step(key, hash, text[--len]);
    return finish(hash);
}

static uint64_t secret(const void *somewhere)
{
    uint64_t key = 0;
    if (getrandom(&key, sizeof key, GRND_NONBLOCK) != sizeof key) { /* too early after boot: worse, but not fixed */
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        key = (uint64_t)(uintptr_t)somewhere * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)now.tv_nsec << 20 ^
              (uint64_t)now.tv_sec;
    }
    return key % (PRIME - 512) + 256;
}

/* ------------------------------------------------------------------------------------------- table */

ptv_indicators *ptv_indicators_new(void)
{
    ptv_indicators *s = ptv_calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->key = secret(s);
    s->scratch = (ptv_arena)PTV_ARENA(SCRATCH_LIMIT);
    s->slot_count = FIRST_SLOTS;
    s->slots = ptv_calloc(s->slot_count, sizeof *s->slots);
    if (!s->slots) {
        ptv_free(s);
        return NULL;
    }
    return s;
}

void ptv_indicators_free(ptv_indicators *s)
{
    if (!s)
        return;
    ptv_free(s->pool);
    ptv_free(s->entries);
    ptv_free(s->slots);
    ptv_free(s->nets);
    ptv_arena_release(&s->scratch);
    ptv_free(s);
}

/* Room for one more item of `size` bytes in an array that doubles. */
static bool grow(void *array, size_t *cap, size_t needed, size_t size)
{
    void *old, *grown;
    size_t wanted = *cap ? *cap : 256;
    if (needed <= *cap)
        return true;
    while (wanted < needed)
        wanted *= 2;
    memcpy(&old, array, sizeof old);
    grown = ptv_realloc(old, wanted * size);
    if (!grown)
        return false;
    memcpy(array, &grown, sizeof grown);
    *cap = wanted;
    return true;
}

/* The slot of this text, or the empty one where it would stand. */
static slot *find_slot(const ptv_indicators *s, const char *text, size_t len, uint32_t hash)
{
    size_t mask = s->slot_count - 1, at = hash & mask;
    for (; s->slots[at].index; at = (at + 1) & mask) {
        if (s->slots[at].hash != hash)
            continue;
        const char *have = s->pool + s->entries[s->slots[at].index - 1].text;
        if (strncmp(have, text, len) == 0 && have[len] == '\0')
            break;
    }
    return &s->slots[at];
}

static bool double_slots(ptv_indicators *s)
{
    size_t count = s->slot_count * 2, mask = count - 1;
    slot *slots = ptv_calloc(count, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < s->slot_count; i++) {
        if (!s->slots[i].index)
            continue;
        size_t at = s->slots[i].hash & mask;
        while (slots[at].index)
            at = (at + 1) & mask;
        slots[at] = s->slots[i];
    }
    ptv_free(s->slots);
    s->slots = slots;
    s->slot_count = count;
    return true;
}

static ptv_code add_text(ptv_indicators *s, const char *text, size_t len, uint32_t value, bool zone, ptv_error *err)
{
    uint32_t hash = hash_of(s->key, text, len);
    slot *at = find_slot(s, text, len, hash);
    if (!at->index) {
        if (s->entry_count >= MOST_ENTRIES || s->pool_len + len + 1 >= UINT32_MAX)
            return ptv_fail(err, PTV_ETOOBIG, "more than %d entries", MOST_ENTRIES);
        if (!grow(&s->pool, &s->pool_cap, s->pool_len + PTV_NAME_LIMIT + 1, 1) ||
            !grow(&s->entries, &s->entry_cap, s->entry_count + 1, sizeof *s->entries))
            return ptv_fail_nomem(err);
        if ((s->entry_count + 1) * 2 > s->slot_count) {
            if (!double_slots(s))
                return ptv_fail_nomem(err);
            at = find_slot(s, text, len, hash);
        }
        memcpy(s->pool + s->pool_len, text, len);
        s->pool[s->pool_len + len] = '\0';
        s->entries[s->entry_count++] = (entry){ .text = (uint32_t)s->pool_len };
        s->pool_len += len + 1;
        *at = (slot){ hash, (uint32_t)s->entry_count };
    }
    entry *e = &s->entries[at->index - 1];
    bool *is_there = zone ? &e->is_zone : &e->is_exact;
    if (*is_there)
        return PTV_OK; /* the first of two equal entries counts */
    *is_there = true;
    *(zone ? &e->zone : &e->exact) = value;
    s->count++;
    if (zone) {
        size_t labels = 1;
        for (size_t i = 0; i < len; i++)
            labels += text[i] == '.';
        s->labels[labels / 8] |= (uint8_t)(1u << (labels % 8));
    }
    return PTV_OK;
}

/* -------------------------------------------------------------------------------------------- adding */

static ptv_code add_net(ptv_indicators *s, const char *text, size_t len, uint32_t value, ptv_error *err)
{
    char copy[PTV_ADDRESS_TEXT + 8];
    net n = { .value = value, .order = (uint32_t)s->net_count };
    int prefix_len;
    if (len >= sizeof copy)
        return ptv_fail(err, PTV_EINVAL, "not a net: write it as 192.0.2.0/24 or 2001:db8::/32");
    memcpy(copy, text, len);
    copy[len] = '\0';
    ptv_code rc = ptv_cidr_parse(n.start, &prefix_len, copy, err);
    if (rc)
        return rc;
    if (s->net_count >= MOST_ENTRIES || !grow(&s->nets, &s->net_cap, s->net_count + 1, sizeof *s->nets))
        return ptv_fail_nomem(err);
    n.prefix_len = (uint8_t)prefix_len;
    s->nets[s->net_count++] = n;
    s->count++;
    return PTV_OK;
}

/* "192.0.2.0/24", and what was meant as such; "evil.example/path" is not. */
static bool is_net(const char *text, size_t len)
{
    unsigned char ip[16];
    const char *slash = memchr(text, '/', len);
    size_t before = slash ? (size_t)(slash - text) : 0;
    return slash && (ptv_address_parse4(ip, text, before) || ptv_address_parse6(ip, text, before));
}

static ptv_code add(ptv_indicators *s, const char *text, size_t len, uint32_t value, bool all_zones, ptv_error *err)
{
    ptv_artifact artifact;
    ptv_text_trim(&text, &len);
    bool star = len > 2 && text[0] == '*' && text[1] == '.', dot = !star && len > 1 && text[0] == '.';
    if (star || dot) {
        text += star ? 2 : 1;
        len -= star ? 2 : 1;
    }
    bool zone = star || dot || all_zones;
    if (ptv_name_is_plain(text, len))
        return add_text(s, text, len, value, zone, err);
    if (!star && !dot && is_net(text, len))
        return add_net(s, text, len, value, err);
    ptv_arena_reset(&s->scratch);
    ptv_code rc = ptv_artifact_parse(&artifact, &s->scratch, text, len, star || dot ? "DNS Name" : NULL, err);
    if (rc)
        return rc;
    return add_text(s, artifact.value, strlen(artifact.value), value, zone && artifact.type == PTV_DOMAIN, err);
}

ptv_code ptv_indicators_add(ptv_indicators *s, const char *text, size_t len, uint32_t value, ptv_error *err)
{
    return add(s, text, len, value, false, err);
}

ptv_code ptv_indicators_add_zone(ptv_indicators *s, const char *text, size_t len, uint32_t value, ptv_error *err)
{
    return add(s, text, len, value, true, err);
}

static int by_start(const void *a, const void *b)
{
    const net *x = a, *y = b;
    int order = memcmp(x->start, y->start, sizeof x->start);
    if (order)
        return order;
    if (x->prefix_len != y->prefix_len)
        return x->prefix_len < y->prefix_len ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

ptv_code ptv_indicators_seal(ptv_indicators *s, ptv_error *err)
{
    size_t kept = 0;
    (void)err;
    ptv_arena_release(&s->scratch);
    if (s->net_count > 1)
        qsort(s->nets, s->net_count, sizeof *s->nets, by_start);
    for (size_t i = 0; i < s->net_count; i++) {
        net n = s->nets[i];
        if (kept > 0 && n.prefix_len == s->nets[kept - 1].prefix_len && memcmp(n.start, s->nets[kept - 1].start, 16) == 0) {
            s->count--;
            continue;
        }
        n.parent = kept > 0 ? (uint32_t)(kept - 1) : NONE;
        while (n.parent != NONE && !ptv_cidr_contains(s->nets[n.parent].start, s->nets[n.parent].prefix_len, n.start))
            n.parent = s->nets[n.parent].parent;
        s->nets[kept++] = n;
    }
    s->net_count = kept;
    return PTV_OK;
}

size_t ptv_indicators_count(const ptv_indicators *s)
{
    return s->count;
}

/* ------------------------------------------------------------------------------------------- finding */

static bool found(uint32_t *value, ptv_indicator_kind *kind, uint32_t this_value, ptv_indicator_kind this_kind)
{
    if (value)
        *value = this_value;
    if (kind)
        *kind = this_kind;
    return true;
}

static const entry *find_entry(const ptv_indicators *s, const char *text, size_t len, uint32_t hash)
{
    const slot *at = find_slot(s, text, len, hash);
    return at->index ? &s->entries[at->index - 1] : NULL;
}

static bool find_name(const ptv_indicators *s, const char *name, uint32_t *value, ptv_indicator_kind *kind)
{
    uint64_t hash = 0;
    const entry *zone = NULL;
    size_t len = strlen(name), labels = 0;
    for (size_t i = len; i-- > 0;) {
        hash = step(s->key, hash, name[i]);
        if (i > 0 && name[i - 1] != '.')
            continue;
        labels++;
        if (i > 0 && !(s->labels[labels / 8] & (1u << (labels % 8))))
            continue;
        const entry *e = find_entry(s, name + i, len - i, finish(hash));
        if (e && i == 0 && e->is_exact)
            return found(value, kind, e->exact, PTV_IND_EXACT);
        if (e && e->is_zone)
            zone = e;
    }
    return zone && found(value, kind, zone->zone, PTV_IND_ZONE);
}

static bool find_address(const ptv_indicators *s, const ptv_artifact *a, uint32_t *value, ptv_indicator_kind *kind)
{
    size_t len = strlen(a->value), low = 0, high = s->net_count;
    const entry *e = find_entry(s, a->value, len, hash_of(s->key, a->value, len));
    if (e && e->is_exact)
        return found(value, kind, e->exact, PTV_IND_EXACT);
    while (low < high) { /* the last net that starts at or before the address */
        size_t middle = low + (high - low) / 2;
        if (memcmp(s->nets[middle].start, a->ip, 16) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (uint32_t i = low ? (uint32_t)(low - 1) : NONE; i != NONE; i = s->nets[i].parent)
        if (ptv_cidr_contains(s->nets[i].start, s->nets[i].prefix_len, a->ip))
            return found(value, kind, s->nets[i].value, PTV_IND_CIDR);
    return false;
}

bool ptv_indicators_find(const ptv_indicators *s, const ptv_artifact *a, uint32_t *value, ptv_indicator_kind *kind)
{
    return a->type == PTV_IP ? find_address(s, a, value, kind) : find_name(s, a->value, value, kind);
}
