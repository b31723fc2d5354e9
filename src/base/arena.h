/*
 * arena.h: memory that is born with a ceiling and leaves all at once.
 *
 *   ptv_arena a = PTV_ARENA(4 << 20);
 *   char *s = ptv_arena_strdup(&a, "x");   NULL: ceiling reached or no memory
 *   ptv_arena_release(&a);
 *
 * Under AddressSanitizer each allocation is its own heap block, so that a use after release is caught.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_ARENA_H
#define PTV_BASE_ARENA_H
#include "base/err.h"
#include <stdarg.h>

typedef struct ptv_arena_block ptv_arena_block;
typedef struct ptv_arena {
    ptv_arena_block *blocks;
    char *next, *end;
    size_t used_bytes, limit_bytes; /* used counts what was handed out, not what blocks hold */
    bool over_limit;                /* true: the ceiling was hit (PTV_ETOOBIG), false: no memory (PTV_ENOMEM) */
} ptv_arena;
#define PTV_ARENA(limit)                                                                                                    \
    {                                                                                                                       \
        .limit_bytes = (size_t)(limit)                                                                                      \
    }

static inline void *ptv_arena_alloc(ptv_arena *a, size_t size);  /* 16-byte aligned, not zeroed */
void *ptv_arena_calloc(ptv_arena *a, size_t count, size_t size); /* zeroed; checks the product */
char *ptv_arena_strdup(ptv_arena *a, const char *text);          /* NULL in, NULL out */
char *ptv_arena_strndup(ptv_arena *a, const char *text, size_t len);
char *ptv_arena_printf(ptv_arena *a, const char *fmt, ...) PTV_PRINTF(2, 3);
char *ptv_arena_vprintf(ptv_arena *a, const char *fmt, va_list args);
/* The error for the NULL just returned: PTV_ETOOBIG "over N bytes" or PTV_ENOMEM. */
ptv_code ptv_arena_fail(const ptv_arena *a, ptv_error *err);
/* Keep the blocks, forget what they hold: for loops that use one arena a record. */
void ptv_arena_reset(ptv_arena *a);
void ptv_arena_release(ptv_arena *a);

/* Called for every node of a JSON tree: worth having in line while the block has room. */
void *ptv_arena_alloc_block(ptv_arena *a, size_t size); /* for ptv_arena_alloc() */
static inline void *ptv_arena_alloc(ptv_arena *a, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;
    char *at = a->next;
    if (rounded - 1 >= (size_t)(a->end - at) || rounded > a->limit_bytes - a->used_bytes) /* 0 wraps round: not here */
        return ptv_arena_alloc_block(a, size);
    a->next = at + rounded;
    a->used_bytes += rounded;
    return at;
}

#endif
