/*
 * fuzz_ndjson.c: any bytes as the stdin of eval and of lookup: each line that is not blank comes out in exactly one subject,
 * in order, wherever the text is parted, and the cutting ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/input.c"
#include "cli/records.c"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void rewind_to_start(int fd)
{
    expect(lseek(fd, 0, SEEK_SET) == 0);
}

/* Each byte that is not blank is in one subject, in order. Then how many there are. */
static size_t cut_records(const char *text, size_t size, cli_record *last)
{
    cli_cutter c = { .at = text, .end = text + size, .line = 1 };
    const char *end = text;
    size_t count = 0;
    for (; cli_cut(&c, last); count++) {
        expect(last->len && last->text >= end && last->text + last->len <= text + size);
        for (; end < last->text; end++)
            expect(ptv_is_blank(*end));
        end = last->text + last->len;
    }
    for (; end < text + size; end++)
        expect(ptv_is_blank(*end));
    return count;
}

/* Both parts of a text that is parted are cut as the whole is. */
static void part(const char *text, size_t size)
{
    size_t places[] = { cli_cut_place(text, size), cli_cut_closed(text, size) };
    cli_record last;
    size_t whole = cut_records(text, size, &last);
    for (size_t i = 0; i < 2; i++) {
        expect(places[i] <= size && (places[i] == 0 || text[places[i] - 1] == '\n'));
        expect(cut_records(text, places[i], &last) + cut_records(text + places[i], size - places[i], &last) == whole);
    }
}

static void cut_inputs(int fd)
{
    const char *dash[] = { "-" };
    cli_options o = { .operands = dash, .operand_count = 1 };
    cli_inputs in;
    cli_input one;
    ptv_error err;
    uint64_t number = 0;
    expect(dup2(fd, STDIN_FILENO) == STDIN_FILENO && !cli_inputs_open(&in, &o, &err));
    while (cli_inputs_next(&in, &one, -1) == CLI_GOT_ONE)
        expect(one.number == ++number && one.text && strlen(one.text) <= CLI_LINE_LIMIT);
    cli_inputs_close(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    part((const char *)data, size);
    rewind_to_start(fd);
    cut_inputs(fd);
    close(fd);
    return 0;
}
