/*
 * talk.c: writing to stdout and stderr, and what an error means for the exit code.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/talk.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/text.h"

#include <errno.h>
#include <unistd.h>

static int write_errno; /* of the first write to stdout that failed */
static bool status_shown;

static void note_failure(bool failed)
{
    if (failed && !write_errno)
        write_errno = errno ? errno : EIO;
}

/* ------------------------------------------------------------------------------------------------- stdout */

void cli_print(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    note_failure(vprintf(fmt, args) < 0);
    va_end(args);
}

int cli_write(void *unused, const char *bytes, size_t len)
{
    (void)unused;
    if (!write_errno)
        note_failure(fwrite(bytes, 1, len, stdout) != len);
    return write_errno != 0;
}

void cli_flush(void)
{
    if (status_shown && isatty(STDOUT_FILENO))
        cli_status(NULL);
    note_failure(fflush(stdout) != 0);
}

bool cli_output_failed(void)
{
    return write_errno != 0;
}

cli_exit cli_close(cli_exit rc)
{
    cli_flush();
    if (!write_errno)
        note_failure(fclose(stdout) != 0);
    if (!write_errno)
        return rc;
    cli_say("the output could not be written: %s", strerror(write_errno));
    return CLI_OUTPUT;
}

/* ------------------------------------------------------------------------------------------------- stderr */

void cli_vsay(const char *fmt, va_list args)
{
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_buf safe = PTV_BUF(4 << 20);
    cli_status(NULL);
    const char *text = ptv_arena_vprintf(&mem, fmt, args);
    if (text)
        ptv_escape_lines(&safe, text, strlen(text));
    fprintf(stderr, "ptverdict: %s\n", safe.len ? safe.data : "out of memory");
    ptv_buf_release(&safe);
    ptv_arena_release(&mem);
}

void cli_say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    cli_vsay(fmt, args);
    va_end(args);
}

void cli_say_lines(const char *lines)
{
    for (const char *newline; lines && (newline = strchr(lines, '\n')) != NULL; lines = newline + 1)
        cli_say("%.*s", (int)(newline - lines), lines);
}

cli_exit cli_fail(const ptv_error *err)
{
    cli_say("%s", err->msg);
    return cli_exit_of(err);
}

cli_exit cli_exit_of(const ptv_error *err)
{
    switch (err->code) {
    case PTV_OK:
        return CLI_OK;
    case PTV_EINVAL:
    case PTV_ERULES:
    case PTV_ETOOBIG:
    case PTV_ESHAPE:
    case PTV_EIO:
    case PTV_ELIMIT:
    case PTV_ENOENTRY:
        return CLI_DATA;
    case PTV_ESETTINGS:
    case PTV_EKEY:
        return CLI_SETTINGS;
    case PTV_ETIMEOUT:
    case PTV_ENET:
    case PTV_EHTTP:
    case PTV_EQUOTA:
        return CLI_UNAVAILABLE;
    case PTV_ENOMEM:
    case PTV_EFULL:
    case PTV_EBUG:
        break;
    }
    return CLI_BUG;
}

void cli_status(const char *line)
{
    if (line && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r%s\033[K", line);
        status_shown = true;
    } else if (status_shown) {
        fputs("\r\033[K", stderr);
        status_shown = false;
    }
    fflush(stderr);
}

static void log_line(void *unused, ptv_log_level level, const char *area, const char *message)
{
    static const char *const words[] = { "error", "warning", "info", "debug" };
    (void)unused;
    cli_say("%s: %s: %s", words[level], area, message);
}

void cli_log(ptv_log_level level)
{
    ptv_log_to(log_line, NULL, level);
}
