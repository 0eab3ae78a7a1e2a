/* SPDX-License-Identifier: Apache-2.0 */
/* Which clients are in a share: as many as it says, always the same, and by nothing that is kept.
 */
#include "state/admission.h"
#include "tap.h"

enum { CLIENTS = 100000 };

static const struct target eu = {.id = 0x1234};
static const struct target us = {.id = 0x1235};

static struct client client_at(const char *address)
{
    return (struct client){.place = NOWHERE, .address = address_parse(slice_of(address))};
}

/* The number-th of many clients. */
static struct client client_number(int number)
{
    char text[32];

    snprintf(text, sizeof text, "10.%d.%d.%d", number >> 16 & 255, number >> 8 & 255, number & 255);
    return client_at(text);
}

static double point_of(const struct target *target, const char *address, const char *name)
{
    struct client client = client_at(address);
    return admission_point(target, &(struct guest){&client, slice_of(name)});
}

static bool is_in(const struct target *target, double share, const struct client *client)
{
    struct part part = {.share = share, .health = 1};
    return admission_at(target, part, &(struct guest){client, SLICE("app")}) == ADMISSION_TAKEN;
}

static void check_size(void)
{
    static const double shares[] = {0, 0.001, 0.05, 0.25, 0.5, 0.99, 1};

    for (size_t s = 0; s < sizeof shares / sizeof *shares; s++) {
        int in = 0;
        for (int i = 0; i < CLIENTS; i++) {
            struct client client = client_number(i);
            in += is_in(&eu, shares[s], &client);
        }
        double seen = (double)in / CLIENTS, off = seen - shares[s];
        ok(off < 0.005 && off > -0.005, "a share of %g %% has %.2f %% of %d clients",
           100 * shares[s], 100 * seen, CLIENTS);
    }
}

static void check_growth(void)
{
    int lost = 0, both = 0, of_eu = 0, instead = 0, instead_and_own = 0;

    for (int i = 0; i < CLIENTS; i++) {
        struct client client = client_number(i);
        struct guest guest = {&client, SLICE("app")};
        bool in = is_in(&eu, 0.25, &client);
        lost += in && !is_in(&eu, 0.26, &client);
        lost += is_in(&eu, 0.05, &client) && !in;
        of_eu += in;
        both += in && is_in(&us, 0.25, &client);
        bool stands_in = admission_instead(&eu, &us, 0.25, &guest);
        instead += stands_in;
        instead_and_own += in && stands_in;
    }
    cmp_ok(lost, ==, 0, "who is in stays in when the share grows");
    ok(both > of_eu / 5 && both < of_eu * 3 / 10, "another target draws others (%d of %d)", both,
       of_eu);
    ok(instead > CLIENTS * 24 / 100 && instead < CLIENTS * 26 / 100,
       "a stand-in takes the extra that it accepts (%d of %d)", instead, CLIENTS);
    ok(instead_and_own > of_eu / 5 && instead_and_own < of_eu * 3 / 10,
       "of others than its own share's (%d of %d)", instead_and_own, of_eu);
}

static void check_identity(void)
{
    double point = point_of(&eu, "2001:db8:1:2::1", "app");

    ok(point >= 0 && point < 1, "a point is from 0 up to 1");
    ok(point_of(&eu, "2001:db8:1:2:ffff:ffff:ffff:ffff", "app") == point, "IPv6: the /64 counts");
    ok(point_of(&eu, "2001:db8:1:3::1", "app") != point, "another /64 is another client");
    point = point_of(&eu, "192.0.2.1", "app");
    ok(point_of(&eu, "::ffff:192.0.2.1", "app") == point, "a v4-mapped address is the same");
    ok(point_of(&eu, "192.0.2.2", "app") != point, "IPv4: the whole address counts");
    ok(point_of(&eu, "192.0.2.1", "other") == point, "what is asked for does not");
    ok(point_of(&us, "192.0.2.1", "app") != point, "each target has points of its own");
    ok(point > 0.6960 && point < 0.6961, "and they are the same for ever: %.6f", point);
}

/* A pull is of one repository, so that it stays where it is. */
static void check_unknown_address(void)
{
    double point = point_of(&eu, "unix:", "app");
    struct client told = client_at("unix:");

    ok(point_of(&eu, "", "app") == point, "without an address");
    ok(point_of(&eu, "unix:", "other") != point, "the repository counts");
    told.told = SLICE("FR");
    ok(admission_point(&eu, &(struct guest){&told, SLICE("app")}) != point,
       "and what is said of the region");
    int in = 0;
    for (int i = 0; i < CLIENTS; i++) {
        char name[16];
        int len = snprintf(name, sizeof name, "app-%d", i);
        struct guest guest = {&told, {name, (size_t)len}};
        in += admission_point(&eu, &guest) < 0.05;
    }
    ok(in > CLIENTS * 45 / 1000 && in < CLIENTS * 55 / 1000, "a share holds over repositories: %d",
       in);
}

/* The words for it, at a client that is within a half and not within a quarter. */
static void check_words(void)
{
    struct client client = client_number(0);
    struct guest guest = {&client, SLICE("app")};

    for (int i = 1; !(admission_point(&eu, &guest) > 0.25 && admission_point(&eu, &guest) < 0.5);
         i++)
        client = client_number(i);
    static const struct {
        struct part part;
        enum admission want;
        const char *what;
    } list[] = {
        {{1, 1, false}, ADMISSION_TAKEN, "up"},
        {{1, 1, true}, ADMISSION_DRAINED, "drained"},
        {{1, 0, false}, ADMISSION_DOWN, "down"},
        {{1, 0.25, false}, ADMISSION_RETURNING, "returning with a quarter"},
        {{1, 0.5, false}, ADMISSION_TAKEN, "with half"},
        {{0.25, 1, false}, ADMISSION_NOT_IN_SHARE, "a share of a quarter"},
        {{0.5, 1, false}, ADMISSION_TAKEN, "of half"},
        {{0.5, 0.5, false}, ADMISSION_RETURNING, "of half, returning with half of that"},
        {{0.5, 0, false}, ADMISSION_DOWN, "of half, and down"},
        {{0.25, 0, false}, ADMISSION_NOT_IN_SHARE, "of a quarter, and down"},
        {{0, 1, false}, ADMISSION_NOT_IN_SHARE, "of none"},
        {{0, 1, true}, ADMISSION_DRAINED, "of none, and drained"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        cmp_ok(admission_at(&eu, list[i].part, &guest), ==, list[i].want, "%s", list[i].what);
}

int main(void)
{
    check_size();
    check_growth();
    check_identity();
    check_unknown_address();
    check_words();
    return done_testing();
}
