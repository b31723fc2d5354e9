/* test_arena_blocks.c: the tests of the arena once more over the blocks of plain builds, under the sanitizers too.
 * SPDX-License-Identifier: Apache-2.0 */
#define PTV_ARENA_BLOCKS
#define ptv_arena_alloc   blocks_alloc
#define ptv_arena_calloc  blocks_calloc
#define ptv_arena_strdup  blocks_strdup
#define ptv_arena_strndup blocks_strndup
#define ptv_arena_printf  blocks_printf
#define ptv_arena_vprintf blocks_vprintf
#define ptv_arena_fail    blocks_fail
#define ptv_arena_reset   blocks_reset
#define ptv_arena_release blocks_release
#include "test_arena.c"
#include "base/arena.c"
