/*
 * http_heap.c: libcurl lives on our heap, and a refusal there is remembered: libcurl reports some of them as other errors,
 * and calls a header line that is too long "out of memory".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "net/http_parts.h"
#include <stdatomic.h>

static atomic_ulong refused;

static void *noted(void *p)
{
    if (!p)
        atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
    return p;
}

static void *heap_malloc(size_t size)
{
    return noted(ptv_malloc(size));
}

static void *heap_realloc(void *old, size_t size)
{
    return noted(ptv_realloc(old, size));
}

static void *heap_calloc(size_t count, size_t size)
{
    return noted(ptv_calloc(count, size));
}

static char *heap_strdup(const char *text)
{
    return noted(ptv_strdup(text));
}

bool ptv_http_heap_init(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, heap_malloc, ptv_free, heap_realloc, heap_strdup, heap_calloc) ==
           CURLE_OK;
}

unsigned long ptv_http_heap_refused(void)
{
    return atomic_load_explicit(&refused, memory_order_relaxed);
}
