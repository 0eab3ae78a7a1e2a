/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends requests over kept connections to one or several web servers, and looks at every answer.
 *
 *     soak_load CASES CONTROL SEED { NAME PORT CONNECTIONS COUNT }...
 *
 * CASES has a line for each kind of request, and behind it a line for each answer that is right:
 *
 *     R <tab> weight <tab> method <tab> target <tab> name: value
 *     A <tab> states <tab> answer
 *
 * "{new}" in a target or an answer stands for 63 hex digits that are new in each request. An
 * answer is "307 LOCATION" or "STATUS CODE". Its states are a mask: bit N is set if the answer
 * is right in state N, of eight states that the front door can be in.
 *
 * CONTROL is a file that both sides map or write. Byte 0, of the script: the mask of the states
 * that are possible now (several while one changes to another). Byte 1, of the script: 'p', no
 * request is begun; 'q', the program ends. From byte 64 on, of this program: how many requests are
 * under way, and how many are answered in all, of 64 bits each.
 *
 * A request is lost if its connection ends before its answer does, or after TIMEOUT_MS.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CASES_MAX = 512,
    ANSWERS_MAX = 6,
    TICKETS_MAX = 16384,
    CONNECTIONS_MAX = 256,
    SERVERS_MAX = 4,
    ANSWER_SIZE = 16384,
    REQUEST_SIZE = 4096,
    NEW_DIGITS = 63,
    TIMEOUT_MS = 15000,
    SHOWN_MAX = 20,
    REFUSED_MAX = 20, /* connections in a row that fail before the server counts as gone */
    BATCH = 64,
    CONTROL_SIZE = 4096,
};

struct answer {
    uint8_t states;
    const char *text;
};

struct kind {
    const char *method, *target, *header;
    struct answer answer[ANSWERS_MAX];
    int answers;
};

struct server {
    const char *name;
    struct sockaddr_in address;
    int connections;
    uint64_t left; /* requests to begin */
    uint64_t answered, wrong, lost, connected;
    int refused;
    double took;
};

struct connection {
    struct server *server;
    const struct kind *kind; /* of the request under way, or NULL */
    int socket;              /* -1: none */
    uint8_t states;          /* that were possible since it was sent */
    int64_t sent_at;
    size_t sent, size, got;
    char new_digits[NEW_DIGITS + 1];
    char request[REQUEST_SIZE];
    char in[ANSWER_SIZE + 1];
};

struct control {
    _Atomic uint8_t states, command;
    uint8_t unused[62];
    _Atomic uint64_t under_way, answered;
};

struct load {
    struct kind kind[CASES_MAX];
    uint16_t ticket[TICKETS_MAX]; /* a kind as often as it weighs */
    int kinds, tickets;
    struct server server[SERVERS_MAX];
    int servers;
    struct connection *connection;
    int connections;
    struct control *control;
    uint8_t states;
    uint64_t random;
    int epoll, shown;
    int64_t began;
};

static void die(const char *what)
{
    fprintf(stderr, "soak_load: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static double seconds(const struct load *l)
{
    return (double)(now_ms() - l->began) / 1000;
}

static uint64_t draw(struct load *l)
{
    l->random ^= l->random << 13;
    l->random ^= l->random >> 7;
    l->random ^= l->random << 17;
    return l->random;
}

/* ---- what is asked, and what is right ---- */

static void add_kind(struct load *l, char *line)
{
    char *weight = strsep(&line, "\t");
    struct kind *k = &l->kind[l->kinds];
    if (l->kinds == CASES_MAX || !(k->method = strsep(&line, "\t")) ||
        !(k->target = strsep(&line, "\t")))
        die("a wrong line of a request");
    k->header = line ? line : "";
    for (int n = atoi(weight); n > 0; n--) {
        if (l->tickets == TICKETS_MAX)
            die("the weights are too large");
        l->ticket[l->tickets++] = (uint16_t)l->kinds;
    }
    l->kinds++;
}

static void add_answer(struct load *l, char *line)
{
    char *states = strsep(&line, "\t");
    struct kind *k = l->kinds > 0 ? &l->kind[l->kinds - 1] : NULL;
    if (!k || !line || k->answers == ANSWERS_MAX)
        die("a wrong line of an answer");
    k->answer[k->answers++] = (struct answer){(uint8_t)atoi(states), line};
}

static void read_cases(struct load *l, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    if (!file)
        die(path);
    while (getline(&line, &size, file) > 0) {
        char *own = strdup(line);
        if (!own)
            die("memory");
        own[strcspn(own, "\n")] = '\0';
        if (strncmp(own, "R\t", 2) == 0)
            add_kind(l, own + 2);
        else if (strncmp(own, "A\t", 2) == 0)
            add_answer(l, own + 2);
    }
    free(line);
    fclose(file);
    if (l->tickets == 0)
        die("no requests");
}

/* Copies a text, the new digits in the place of "{new}"; the length, or 0 if it is too long. */
static size_t fill_in(char *to, size_t size, const char *text, const char *digits)
{
    const char *at = strstr(text, "{new}");
    int n = at ? snprintf(to, size, "%.*s%s%s", (int)(at - text), text, digits, at + 5)
               : snprintf(to, size, "%s", text);
    return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

/* ---- connections ---- */

static void watch(struct load *l, struct connection *c, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(l->epoll, operation, c->socket, &event) < 0)
        die("epoll_ctl");
}

static void shut(struct connection *c)
{
    if (c->socket >= 0)
        close(c->socket);
    c->socket = -1;
}

static void show(struct load *l, const struct connection *c, const char *what, const char *got)
{
    char target[REQUEST_SIZE];
    if (l->shown++ >= SHOWN_MAX)
        return;
    fill_in(target, sizeof target, c->kind->target, c->new_digits);
    printf("%s\t%.1f s, %s: %s %s %s, states %d: %s\n", what, seconds(l), c->server->name,
           c->kind->method, target, c->kind->header, c->states, got);
    fflush(stdout);
}

static void done(struct load *l, struct connection *c)
{
    c->kind = NULL;
    c->server->answered++;
    c->server->took = seconds(l);
    atomic_fetch_sub(&l->control->under_way, 1);
    atomic_fetch_add(&l->control->answered, 1);
}

static void lose(struct load *l, struct connection *c, const char *why)
{
    show(l, c, "lost", why);
    c->server->lost++;
    shut(c);
    done(l, c);
}

static bool open_connection(struct load *l, struct connection *c)
{
    struct sockaddr_in *to = &c->server->address;
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->socket < 0)
        die("socket");
    if (connect(c->socket, (struct sockaddr *)to, sizeof *to) < 0) {
        shut(c);
        return false;
    }
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (fcntl(c->socket, F_SETFL, O_NONBLOCK) < 0)
        die("fcntl");
    watch(l, c, EPOLLIN, EPOLL_CTL_ADD);
    c->server->connected++;
    return true;
}

/* Sends what is left of the request. */
static void send_on(struct load *l, struct connection *c)
{
    ssize_t n = send(c->socket, c->request + c->sent, c->size - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        lose(l, c, strerror(errno));
        return;
    }
    c->sent += n > 0 ? (size_t)n : 0;
    watch(l, c, c->sent < c->size ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

static void compose(struct load *l, struct connection *c)
{
    char target[REQUEST_SIZE / 2];
    const struct kind *k = c->kind;
    bool body = strcmp(k->method, "POST") == 0 || strcmp(k->method, "PUT") == 0;
    for (int i = 0; i < NEW_DIGITS; i++)
        c->new_digits[i] = "0123456789abcdef"[draw(l) >> 20 & 15];
    fill_in(target, sizeof target, k->target, c->new_digits);
    int n = snprintf(c->request, sizeof c->request,
                     "%s %s HTTP/1.1\r\nHost: registry.example.org\r\n%s%s%s\r\n%s", k->method,
                     target, k->header, *k->header ? "\r\n" : "",
                     body ? "Content-Length: 20\r\n" : "", body ? "twenty bytes of body" : "");
    if (n < 0 || (size_t)n >= sizeof c->request)
        die("a request is too long");
    c->size = (size_t)n;
}

/* Begins the connection's next request, if there is one to begin. */
static void begin(struct load *l, struct connection *c)
{
    if (c->server->left == 0 || atomic_load(&l->control->command) != 0)
        return;
    if (c->socket < 0 && !open_connection(l, c)) {
        if (++c->server->refused > REFUSED_MAX) {
            fprintf(stderr, "soak_load: %s refuses all connections\n", c->server->name);
            exit(2);
        }
        return;
    }
    c->server->refused = 0;
    c->server->left--;
    c->kind = &l->kind[l->ticket[draw(l) % (unsigned)l->tickets]];
    c->states = atomic_load(&l->control->states);
    c->sent_at = now_ms();
    c->sent = c->got = 0;
    atomic_fetch_add(&l->control->under_way, 1);
    compose(l, c);
    send_on(l, c);
}

/* ---- answers ---- */

/* The value of a header of the answer, up to the end of its line, or NULL. */
static char *header(char *head, const char *name)
{
    size_t length = strlen(name);
    for (char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " ");
    }
    return NULL;
}

static void look_at(struct load *l, struct connection *c, const char *head, const char *location,
                    const char *body)
{
    char got[REQUEST_SIZE], right[REQUEST_SIZE];
    const char *code = strstr(body, "\"code\":\"");
    if (location)
        snprintf(got, sizeof got, "%.3s %.*s", head + 9, (int)strcspn(location, "\r"), location);
    else
        snprintf(got, sizeof got, "%.3s %.*s", head + 9, code ? (int)strcspn(code + 8, "\"") : 0,
                 code ? code + 8 : "");
    for (int i = 0; i < c->kind->answers; i++) {
        const struct answer *a = &c->kind->answer[i];
        if (a->states & c->states && fill_in(right, sizeof right, a->text, c->new_digits) > 0 &&
            strcmp(got, right) == 0)
            return;
    }
    c->server->wrong++;
    show(l, c, "wrong", got);
}

/* Looks at what has come, and takes the answer once it is whole. */
static void take(struct load *l, struct connection *c)
{
    c->in[c->got] = '\0';
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return;
    end[2] = '\0';
    char *length = header(c->in, "Content-Length"), *close_it = header(c->in, "Connection");
    size_t head = (size_t)(end + 4 - c->in), body = length ? strtoul(length, NULL, 10) : 0;
    bool whole = length || strcmp(c->kind->method, "HEAD") == 0;
    bool closes = close_it && strncasecmp(close_it, "close", 5) == 0;
    if (!whole || strncmp(c->in, "HTTP/1.1 ", 9) != 0) {
        lose(l, c, "an answer of unknown length");
        return;
    }
    if (strcmp(c->kind->method, "HEAD") == 0)
        body = 0;
    if (c->got < head + body) {
        end[2] = '\r';
        return;
    }
    c->states |= atomic_load(&l->control->states);
    look_at(l, c, c->in, header(c->in, "Location"), end + 4);
    if (c->got > head + body) {
        lose(l, c, "bytes behind an answer");
        return;
    }
    if (closes)
        shut(c);
    done(l, c);
}

static void receive(struct load *l, struct connection *c)
{
    ssize_t n = recv(c->socket, c->in + c->got, ANSWER_SIZE - c->got, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (!c->kind) { /* an idle connection that the server closes */
        c->server->wrong += n > 0;
        shut(c);
        return;
    }
    if (n <= 0) {
        lose(l, c, n == 0 ? "the connection was closed" : strerror(errno));
        return;
    }
    c->got += (size_t)n;
    if (c->got == ANSWER_SIZE)
        lose(l, c, "an answer that is too long");
    else
        take(l, c);
}

/* ---- all of it ---- */

static void heed_states(struct load *l)
{
    uint8_t states = atomic_load(&l->control->states);
    if (states == l->states)
        return;
    l->states = states;
    for (int i = 0; i < l->connections; i++)
        l->connection[i].states |= states;
}

/* Begins what can be begun, and gives up what takes too long; whether anything is left. */
static bool go_on(struct load *l)
{
    int64_t now = now_ms();
    bool left = false;
    for (int i = 0; i < l->connections; i++) {
        struct connection *c = &l->connection[i];
        if (c->kind && now - c->sent_at > TIMEOUT_MS)
            lose(l, c, "there was no answer in time");
        if (!c->kind)
            begin(l, c);
        left |= c->kind || (c->server->left > 0 && atomic_load(&l->control->command) != 'q');
    }
    return left;
}

static void heed_events(struct load *l)
{
    struct epoll_event event[BATCH];
    int n = epoll_wait(l->epoll, event, BATCH, 20);
    heed_states(l);
    for (int i = 0; i < n; i++) {
        struct connection *c = event[i].data.ptr;
        if (event[i].events & EPOLLOUT && c->kind)
            send_on(l, c);
        else
            receive(l, c);
        if (!c->kind)
            begin(l, c);
    }
}

static void run(struct load *l)
{
    while (go_on(l))
        for (int64_t until = now_ms() + 50; now_ms() < until;)
            heed_events(l);
}

static void add_server(struct load *l, char **argument)
{
    if (l->servers == SERVERS_MAX)
        die("too many servers");
    struct server *s = &l->server[l->servers++];
    s->name = argument[0];
    s->address = (struct sockaddr_in){.sin_family = AF_INET,
                                      .sin_port = htons((uint16_t)atoi(argument[1])),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    s->connections = atoi(argument[2]);
    s->left = strtoull(argument[3], NULL, 10);
    for (int i = 0; i < s->connections; i++) {
        if (l->connections == CONNECTIONS_MAX)
            die("too many connections");
        struct connection *c = &l->connection[l->connections++];
        c->server = s;
        c->socket = -1;
    }
}

static struct control *map_control(const char *path)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0 || ftruncate(file, CONTROL_SIZE) < 0)
        die(path);
    void *map = mmap(NULL, CONTROL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map == MAP_FAILED)
        die(path);
    close(file);
    return map;
}

int main(int argc, char **argv)
{
    static struct load l;
    uint64_t bad = 0;
    if (argc < 8 || argc % 4 != 0) {
        fputs("Usage: soak_load CASES CONTROL SEED { NAME PORT CONNECTIONS COUNT }...\n", stderr);
        return 2;
    }
    read_cases(&l, argv[1]);
    l.control = map_control(argv[2]);
    l.states = atomic_load(&l.control->states);
    l.random = strtoull(argv[3], NULL, 10) * 2654435761u | 1;
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    l.connection = calloc(CONNECTIONS_MAX, sizeof *l.connection);
    if (l.epoll < 0 || !l.connection)
        die("memory");
    for (int i = 4; i < argc; i += 4)
        add_server(&l, argv + i);
    l.began = now_ms();
    run(&l);
    for (const struct server *s = l.server; s < l.server + l.servers; s++) {
        printf("server\t%s\t%llu\t%llu\t%llu\t%llu\t%.1f\n", s->name,
               (unsigned long long)s->answered, (unsigned long long)s->wrong,
               (unsigned long long)s->lost, (unsigned long long)s->connected, s->took);
        bad += s->wrong + s->lost;
    }
    free(l.connection);
    return bad > 0;
}
