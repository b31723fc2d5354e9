/*
 * fuzz_artifact.c: whatever is taken is in normal form, which a second parse leaves as it is; whatever is refused has a
 * reason that fits a terminal. The first byte picks the type the caller claims.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "core/artifact.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_normal(const ptv_artifact *a, ptv_arena *mem)
{
    ptv_artifact again;
    ptv_error err = { 0 };
    size_t len = strlen(a->value);
    must(len > 0 && len <= 253 && strspn(a->value, "abcdefghijklmnopqrstuvwxyz0123456789-_.:") == len);
    must(ptv_utf8_valid(a->input, strlen(a->input)) && strlen(a->input) <= 2048);
    must(ptv_utf8_valid(a->display, strlen(a->display)));
    must((a->reach == PTV_ROUTABLE) == (a->reach_reason == NULL));
    must(ptv_artifact_parse(&again, mem, a->value, len, ptv_artifact_type_names[a->type], &err) == PTV_OK);
    must(again.type == a->type && again.reach == a->reach && !strcmp(again.value, a->value));
    must(!memcmp(again.ip, a->ip, sizeof a->ip) && again.ip4 == a->ip4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = { NULL, NULL, NULL, "IP Address", "DNS Name", "URL", "net.name" };
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_artifact a;
    ptv_error err = { 0 };
    const char *type = size ? types[data[0] % (sizeof types / sizeof *types)] : NULL;
    const char *text = (const char *)data + (size > 0);
    size_t len = size - (size > 0);
    ptv_code rc = ptv_artifact_parse(&a, &mem, text, len, type, &err);
    if (rc == PTV_OK) {
        check_normal(&a, &mem);
    } else {
        must(rc == PTV_EINVAL && err.code == rc && err.msg[0] != '\0');
        for (const char *p = err.msg; *p; p++)
            must((unsigned char)*p >= 0x20 && *p != 0x7f);
    }

    char copy[64];
    unsigned char net[16];
    int prefix_len;
    size_t copied = len < sizeof copy - 1 ? len : sizeof copy - 1;
    memcpy(copy, text, copied);
    copy[copied] = '\0';
    if (ptv_cidr_parse(net, &prefix_len, copy, &err) == PTV_OK)
        must(prefix_len >= 0 && prefix_len <= 128 && ptv_cidr_contains(net, prefix_len, net));
    ptv_arena_release(&mem);
    return 0;
}
