/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What signpost.fcgi is measured against: the usual libfcgi responder, a thread
 * for every connection, which answers every request with the same redirect. As a
 * CGI program it prints that redirect.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 16 };

static const char constant[] =
    "Status: 307 Temporary Redirect\r\n"
    "Location: https://us-central1-docker.pkg.dev/v2/k8s-artifacts-prod/images/pause/manifests/"
    "latest\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 0\r\n"
    "Cache-Control: private, no-store\r\n"
    "\r\n";

static void *serve(void *unused)
{
    FCGX_Request request;
    (void)unused;
    FCGX_InitRequest(&request, 0, 0);
    while (FCGX_Accept_r(&request) == 0) {
        FCGX_PutStr(constant, sizeof constant - 1, request.out);
        FCGX_Finish_r(&request);
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    if (FCGX_IsCGI())
        return fputs(constant, stdout) < 0;
    FCGX_Init();
    for (int i = 1; i < THREADS; i++)
        if (pthread_create(&thread, NULL, serve, NULL) != 0)
            return EXIT_FAILURE;
    serve(NULL);
    return EXIT_SUCCESS;
}
