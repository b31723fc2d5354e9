/*
 * replay.c: runs a fuzz target once over each file of its corpus, so that plain builds check what fuzzing found.
 * Prints TAP. The corpus of build/asan/replay/fuzz_NAME is tests/fuzz/corpus/NAME.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return 1;
    /* Exactly as large as the input, so that a read past its end is seen. */
    char *bytes = NULL;
    size_t len = 0;
    if (!fseek(f, 0, SEEK_END)) {
        long size = ftell(f);
        rewind(f);
        bytes = malloc(size > 0 ? (size_t)size : 1);
        if (bytes && size > 0)
            len = fread(bytes, 1, (size_t)size, f);
    }
    fclose(f);
    if (!bytes)
        return 1;
    LLVMFuzzerTestOneInput((const uint8_t *)bytes, len);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/');
    name = name ? name + 1 : argv[0];
    char folder[512];
    if (argc > 1)
        snprintf(folder, sizeof folder, "%s", argv[1]);
    else
        snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name);

    int count = 0;
    int failed = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        char path[1024];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        count++;
        if (replay_file(path)) {
            failed++;
            printf("not ok %d - cannot read %s\n", count, path);
        } else {
            printf("ok %d - %s takes %s\n", count, name, entry->d_name);
        }
    }
    if (dir)
        closedir(dir);
    if (count == 0) {
        printf("not ok 1 - %s has a corpus in %s\n", name, folder);
        failed = count = 1;
    }
    printf("1..%d\n", count);
    return failed ? 1 : 0;
}
