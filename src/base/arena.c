/*
 * arena.c: a bump allocator over blocks that double; one heap block an allocation under AddressSanitizer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/arena.h"
#include "base/mem.h"
#include <stdalign.h>
#include <stdio.h>
#include <string.h>

/* A test builds the blocks also under AddressSanitizer, by PTV_ARENA_BLOCKS. */
#if !defined(PTV_ARENA_BLOCKS) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_BLOCK_EACH
#endif
#elif !defined(PTV_ARENA_BLOCKS) && defined(__SANITIZE_ADDRESS__)
#define ONE_BLOCK_EACH
#endif

enum { ALIGN = 16, FIRST_BLOCK = 8 << 10, LARGEST_BLOCK = 1 << 20 };

struct ptv_arena_block {
    alignas(ALIGN) ptv_arena_block *next;
    size_t size; /* of what follows */
};

static ptv_arena_block *block_new(ptv_arena *a, size_t size)
{
    ptv_arena_block *block = ptv_malloc(sizeof *block + size);
    if (block)
        block->size = size;
    else
        a->over_limit = false;
    return block;
}

#ifdef ONE_BLOCK_EACH
static void *allocate(ptv_arena *a, size_t exact, size_t rounded)
{
    (void)rounded;
    ptv_arena_block *block = block_new(a, exact);
    if (!block)
        return NULL;
    block->next = a->blocks;
    a->blocks = block;
    return block + 1;
}
#else
/* What takes most of a block gets one of its own behind the first, so that the room left in the first is not lost. */
static void *allocate_block(ptv_arena *a, size_t size)
{
    size_t grown = a->blocks ? a->blocks->size * 2 : FIRST_BLOCK;
    if (grown > LARGEST_BLOCK)
        grown = LARGEST_BLOCK;
    bool is_alone = size > grown / 2;
    ptv_arena_block *block = block_new(a, is_alone ? size : grown);
    if (!block)
        return NULL;
    char *at = (char *)(block + 1);
    if (is_alone && a->blocks) {
        block->next = a->blocks->next;
        a->blocks->next = block;
    } else {
        block->next = a->blocks;
        a->blocks = block;
        a->next = at + size;
        a->end = at + block->size;
    }
    return at;
}

static void *allocate(ptv_arena *a, size_t exact, size_t rounded)
{
    (void)exact;
    if ((size_t)(a->end - a->next) < rounded)
        return allocate_block(a, rounded);
    void *at = a->next;
    a->next += rounded;
    return at;
}
#endif

void *ptv_arena_alloc_block(ptv_arena *a, size_t size)
{
    size_t rounded = size ? (size + (ALIGN - 1)) & ~(size_t)(ALIGN - 1) : ALIGN;
    if (rounded < size || rounded > a->limit_bytes - a->used_bytes) {
        a->over_limit = true;
        return NULL;
    }
    void *p = allocate(a, size, rounded);
    if (p)
        a->used_bytes += rounded;
    return p;
}

void *ptv_arena_calloc(ptv_arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        a->over_limit = true;
        return NULL;
    }
    void *p = ptv_arena_alloc(a, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

char *ptv_arena_strdup(ptv_arena *a, const char *text)
{
    return text ? ptv_arena_strndup(a, text, strlen(text)) : NULL;
}

char *ptv_arena_strndup(ptv_arena *a, const char *text, size_t len)
{
    char *copy = ptv_arena_alloc(a, len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *ptv_arena_printf(ptv_arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = ptv_arena_vprintf(a, fmt, args);
    va_end(args);
    return text;
}

char *ptv_arena_vprintf(ptv_arena *a, const char *fmt, va_list args)
{
    char small[256];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(small, sizeof small, fmt, args);
    char *text = NULL;
    if (len < 0)
        a->over_limit = false; /* only for want of memory, or over INT_MAX bytes */
    else if ((size_t)len < sizeof small)
        text = ptv_arena_strndup(a, small, (size_t)len);
    else if ((text = ptv_arena_alloc(a, (size_t)len + 1)))
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

ptv_code ptv_arena_fail(const ptv_arena *a, ptv_error *err)
{
    return a->over_limit ? ptv_fail(err, PTV_ETOOBIG, "over %zu bytes", a->limit_bytes) : ptv_fail_nomem(err);
}

static void free_blocks(ptv_arena_block *block)
{
    while (block) {
        ptv_arena_block *next = block->next;
        ptv_free(block);
        block = next;
    }
}

/* The first block is the largest of those that grew: after a few rounds it alone holds a whole round. */
void ptv_arena_reset(ptv_arena *a)
{
#ifdef ONE_BLOCK_EACH
    free_blocks(a->blocks);
    a->blocks = NULL;
#else
    if (a->blocks) {
        free_blocks(a->blocks->next);
        a->blocks->next = NULL;
        a->next = (char *)(a->blocks + 1);
        a->end = a->next + a->blocks->size;
    }
#endif
    a->used_bytes = 0;
    a->over_limit = false;
}

void ptv_arena_release(ptv_arena *a)
{
    free_blocks(a->blocks);
    *a = (ptv_arena)PTV_ARENA(a->limit_bytes);
}
