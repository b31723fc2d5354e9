/*
 * fuzz_ndjson.c: any bytes as the stdin of eval and of lookup: each line that is not blank comes out in exactly one subject,
 * in order, and the cutting ends.
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

static void cut_records(int fd, size_t size)
{
    cli_records r;
    ptv_error err;
    size_t bytes = 0;
    uint64_t line = 0;
    expect(!cli_records_open(&r, fd, &err));
    while (cli_records_next(&r) == CLI_GOT_ONE) {
        expect(r.first_line > line && r.now.len > 1 && r.now.data[r.now.len - 1] == '\n');
        line = r.first_line;
        bytes += r.now.len;
    }
    expect(bytes <= size + 1); /* the last line may come without its newline */
    cli_records_close(&r);
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
    rewind_to_start(fd);
    cut_records(fd, size);
    rewind_to_start(fd);
    cut_inputs(fd);
    close(fd);
    return 0;
}
