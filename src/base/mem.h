/*
 * mem.h: the one heap door. cJSON, Lua and libcurl are pointed at it at start-up, so that a test can fail
 * the n-th allocation and count what came back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_MEM_H
#define PTV_BASE_MEM_H
#include <stddef.h>

void *ptv_malloc(size_t size);               /* yours, ptv_free(); NULL: no memory */
void *ptv_calloc(size_t count, size_t size); /* zeroed; checks the product */
void *ptv_realloc(void *old, size_t size);   /* as realloc(); size 0 is not used */
char *ptv_strdup(const char *text);
char *ptv_strndup(const char *text, size_t len);
void ptv_free(void *p); /* NULL is fine */

void ptv_mem_trim(void); /* give free memory back to the system: for a program that has nothing to do */

size_t ptv_mem_live(void);               /* allocations not yet freed */
void ptv_mem_fail_at(unsigned long nth); /* the nth allocation from now fails (1 = the next); 0: none. Tests only */
unsigned long ptv_mem_count(void);       /* allocations asked for so far */

#endif
