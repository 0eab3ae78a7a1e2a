/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TAP output for C unit tests, with libtap's call names. Every check prints one
 * line; a failed one adds where it stands and what it saw. A test program ends
 * with `return done_testing();`, whose value is the exit status.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_planned, tap_run, tap_failed;

__attribute__((format(printf, 1, 2))) static inline void diag(const char *format, ...)
{
    va_list args;
    fputs("# ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static inline void plan(int tests)
{
    tap_planned = tests;
    printf("1..%d\n", tests);
}

__attribute__((format(printf, 4, 5))) static inline bool tap_ok(bool passed, const char *file,
                                                                int line, const char *format, ...)
{
    va_list args;
    printf("%sok %d - ", passed ? "" : "not ", ++tap_run);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    if (!passed) {
        tap_failed++;
        fflush(stdout);
        diag("  failed at %s:%d", file, line);
    }
    return passed;
}

static inline bool tap_same(const char *got, const char *want)
{
    return got == want || (got && want && strcmp(got, want) == 0);
}

/* ok(condition, name, ...) */
#define ok(condition, ...) tap_ok((condition), __FILE__, __LINE__, __VA_ARGS__)
#define pass(...)          ok(true, __VA_ARGS__)
#define fail(...)          ok(false, __VA_ARGS__)

/* is(got, want, name, ...): equal strings; NULL equals only NULL */
#define is(got, want, ...)                                                                         \
    do {                                                                                           \
        const char *tap_got = (got), *tap_want = (want);                                           \
        if (!ok(tap_same(tap_got, tap_want), __VA_ARGS__))                                         \
            diag("       got: %s\n#  expected: %s", tap_got ? tap_got : "(null)",                  \
                 tap_want ? tap_want : "(null)");                                                  \
    } while (0)

/* cmp_ok(a, operator, b, name, ...): whole numbers */
#define cmp_ok(a, op, b, ...)                                                                      \
    do {                                                                                           \
        long long tap_a = (long long)(a), tap_b = (long long)(b);                                  \
        if (!ok(tap_a op tap_b, __VA_ARGS__))                                                      \
            diag("  %lld %s %lld does not hold", tap_a, #op, tap_b);                               \
    } while (0)

/* like(got, part, name, ...): the string contains the part */
#define like(got, part, ...)                                                                       \
    do {                                                                                           \
        const char *tap_got = (got), *tap_part = (part);                                           \
        if (!ok(tap_got && strstr(tap_got, tap_part), __VA_ARGS__))                                \
            diag("       got: %s\n#  lacks: %s", tap_got ? tap_got : "(null)", tap_part);          \
    } while (0)

/* skip(count, why): count tests are reported as passed over */
#define skip(count, why)                                                                           \
    do {                                                                                           \
        for (int tap_i = 0; tap_i < (count); tap_i++)                                              \
            printf("ok %d # SKIP %s\n", ++tap_run, (why));                                         \
    } while (0)

static inline int done_testing(void)
{
    if (!tap_planned)
        printf("1..%d\n", tap_run);
    else if (tap_planned != tap_run)
        diag("planned %d tests but ran %d", tap_planned, tap_run);
    return tap_failed || (tap_planned && tap_planned != tap_run) ? 1 : 0;
}

#endif
