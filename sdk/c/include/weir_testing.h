/* Runs the plugin natively, on events made up for a test: no WebAssembly, no host. Compile the test with the plugin, src/weir.c and
 * src/testing.c:
 *
 *     int main(void) {
 *         weir_test *test = weir_test_start(NULL, 0);
 *         weir_given events[] = {weir_given_body("one"), weir_given_body("")};
 *         const weir_judged *judged = weir_test_judge(test, events, 2);
 *         assert(judged[0].fate == WEIR_KEEP);
 *         assert(judged[1].fate == WEIR_REJECT && weir_is(judged[1].reason, "empty"));
 *         weir_test_end(test);
 *     }
 *
 * One test runs at a time. What is handed out, and what weir_alloc and weir_format made, lives until weir_test_end. */
#ifndef WEIR_TESTING_H
#define WEIR_TESTING_H

#include "weir.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WEIR_GIVEN_HEADERS = 32 };

/* An event for a test. All zero is one with nothing in it. */
typedef struct weir_given {
    weir_bytes body, key;
    bool has_timestamp;
    int64_t timestamp; /* milliseconds since the epoch */
    size_t header_count;
    weir_header_t headers[WEIR_GIVEN_HEADERS];
} weir_given;

/* An event with a body and nothing else; the same with one more header. */
weir_given weir_given_body(const char *body);
weir_given weir_given_header(weir_given event, const char *name, const char *value);

/* An event after the interceptor: with its changes, and the new events right after it (body, and the headers set on top). */
typedef struct weir_judged {
    weir_fate fate;
    weir_bytes reason;
    weir_given event;
    const weir_given *derived;
    size_t derived_count;
} weir_judged;

/* The last header of this name; none where there is none. */
weir_bytes weir_given_find(const weir_given *event, const char *name);

/* A setting for a test. */
typedef struct weir_given_setting {
    const char *name, *value;
} weir_given_setting;

typedef struct weir_test weir_test;

/* Makes an instance as the host does: unknown settings are refused, defaults filled in. NULL, or what the host or the plugin's `configure`
 * says of the settings. */
const char *weir_test_try_start(const weir_given_setting *settings, size_t count, weir_test **test);

/* The same for settings that must fit: ends the program where they do not. */
weir_test *weir_test_start(const weir_given_setting *settings, size_t count);

/* What the plugin makes of a batch; NULL, or the reason where it fails the batch. */
const char *weir_test_try_judge(weir_test *test, const weir_given *events, size_t count, const weir_judged **judged);

/* The same for events that must not fail the batch: ends the program where they do. */
const weir_judged *weir_test_judge(weir_test *test, const weir_given *events, size_t count);

/* What was counted under this name so far. */
uint64_t weir_test_counted(const weir_test *test, const char *name);

/* How many lines of the log hold this text. */
size_t weir_test_logged(const weir_test *test, const char *text);

/* Frees the test, and all it handed out. */
void weir_test_end(weir_test *test);

#ifdef __cplusplus
}
#endif
#endif
