/* A batch and the events in it: views of columns that stay on the host until somebody asks, and the edits under way. */
#include <stdlib.h>

#include "internal.h"

struct weir_ranges { weir__column column; };

/* Columns by name. They are few, so a chain is searched faster than a table. */
typedef struct named {
    struct named *next;
    weir_bytes name;
    weir__column column;
    weir__number_column numbers;
} named;

struct weir_batch {
    uint32_t handle, len;
    bool has_times, has_keys, has_bodies, has_headers;
    weir__times times;
    weir__column keys, bodies;
    weir__header_table headers;
    uint32_t *header_starts;
    named *header, *texts, *numbers;
};

/* ---- Columns ---- */

static bool is_null(weir__words nulls, uint32_t index) {
    size_t low = 0, high = nulls.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (nulls.data[middle] < index) low = middle + 1;
        else high = middle;
    }
    return low < nulls.len && nulls.data[low] == index;
}

static weir_bytes value(const weir__column *column, uint32_t index) {
    if (column->nulls.len && is_null(column->nulls, index)) return weir_bytes_of(NULL, 0);
    uint32_t start = index ? column->ends.data[index - 1] : 0, end = column->ends.data[index];
    /* An empty column may have no memory, but an empty value is there. */
    return start == end ? weir_bytes_of("", 0) : weir_bytes_of(column->bytes.data + start, end - start);
}

static named *pull(named **chain, weir_bytes name, bool *found) {
    for (named *at = *chain; at; at = at->next)
        if (at->name.len == name.len && (name.len == 0 || memcmp(at->name.data, name.data, name.len) == 0)) return *found = true, at;
    named *made = (named *)weir_alloc(sizeof *made);
    /* The caller's memory may change before the next event asks. */
    made->next = *chain, made->name = weir_bytes_of(weir_cstr(name), name.len);
    *chain = made;
    *found = false;
    return made;
}

/* The event's value in a column of a name, which is asked for when the first event wants it. */
static weir_bytes named_value(weir_event event, named **chain, weir_bytes name,
                              void (*ask)(uint32_t batch, const uint8_t *name, size_t len, weir__column *result)) {
    bool found;
    named *at = pull(chain, name, &found);
    if (!found) {
        weir_bytes text = weir__utf8(at->name);
        ask(event.batch->handle, text.data, text.len, &at->column);
    }
    return value(&at->column, event.index);
}

uint32_t weir_len(const weir_batch *batch) { return batch->len; }

weir_event weir_at(weir_batch *batch, uint32_t index) {
    if (index >= batch->len) weir_panic("event %u of a batch of %u was asked for", (unsigned)index, (unsigned)batch->len);
    return (weir_event){batch, index};
}

weir_bytes weir_body(weir_event event) {
    weir_batch *batch = event.batch;
    if (!batch->has_bodies) weir__bodies(batch->handle, &batch->bodies), batch->has_bodies = true;
    return value(&batch->bodies, event.index);
}

weir_bytes weir_key(weir_event event) {
    weir_batch *batch = event.batch;
    if (!batch->has_keys) weir__keys(batch->handle, &batch->keys), batch->has_keys = true;
    return value(&batch->keys, event.index);
}

bool weir_timestamp(weir_event event, int64_t *milliseconds) {
    weir_batch *batch = event.batch;
    if (!batch->has_times) weir__timestamps(batch->handle, &batch->times), batch->has_times = true;
    *milliseconds = batch->times.data[event.index];
    return *milliseconds >= 0;
}

weir_bytes weir_header(weir_event event, weir_bytes name) { return named_value(event, &event.batch->header, name, weir__header); }

weir_bytes weir_header_text(weir_event event, weir_bytes name) {
    weir_bytes found = weir_header(event, name);
    return found.data && !weir_is_utf8(found) ? weir_bytes_of(NULL, 0) : found;
}

static weir_batch *with_headers(weir_batch *batch) {
    if (batch->has_headers) return batch;
    weir__headers(batch->handle, &batch->headers);
    batch->header_starts = (uint32_t *)weir_alloc(batch->len * sizeof(uint32_t));
    uint32_t next = 0;
    for (uint32_t index = 0; index < batch->len; index++) {
        batch->header_starts[index] = next;
        next += batch->headers.counts.data[index];
    }
    batch->has_headers = true;
    return batch;
}

size_t weir_header_count(weir_event event) { return with_headers(event.batch)->headers.counts.data[event.index]; }

weir_header_t weir_header_at(weir_event event, size_t number) {
    weir_batch *batch = with_headers(event.batch);
    if (number >= batch->headers.counts.data[event.index]) return (weir_header_t){{NULL, 0}, {NULL, 0}};
    uint32_t entry = batch->header_starts[event.index] + (uint32_t)number;
    return (weir_header_t){value(&batch->headers.names, entry), value(&batch->headers.values, entry)};
}

weir_bytes weir_json_text(weir_event event, weir_bytes pointer) { return named_value(event, &event.batch->texts, pointer, weir__json_texts); }

bool weir_json_number(weir_event event, weir_bytes pointer, double *number) {
    bool found;
    named *at = pull(&event.batch->numbers, pointer, &found);
    if (!found) {
        weir_bytes text = weir__utf8(at->name);
        weir__json_numbers(event.batch->handle, text.data, text.len, &at->numbers);
    }
    if (at->numbers.nulls.len && is_null(at->numbers.nulls, event.index)) return false;
    *number = at->numbers.values.data[event.index];
    return true;
}

const weir_ranges *weir_body_ranges(weir_batch *batch, uint32_t offset, uint32_t len) {
    weir_ranges *ranges = (weir_ranges *)weir_alloc(sizeof *ranges);
    weir__body_ranges(batch->handle, offset, len, &ranges->column);
    return ranges;
}

weir_bytes weir_range_of(const weir_ranges *ranges, weir_event event) { return value(&ranges->column, event.index); }

/* ---- Changes: lists that are kept from batch to batch, so that judging an event allocates nothing ---- */

static struct {
    uint8_t *data;
    size_t len, room;
} lists[WEIR__LISTS];

static const size_t sizes[WEIR__LISTS] = {
    sizeof(uint32_t),   sizeof(weir__edit), sizeof(weir__header_edit), sizeof(weir__edit), sizeof(weir__edit), sizeof(uint32_t),
    sizeof(weir__edit), sizeof(uint32_t),   sizeof(weir__derived),     1,
};

/* Header names already among the bytes. */
static weir__span names[64];
static size_t name_count;

/* Room for this many more, at the end of a list. */
static void *push(int list, size_t count) {
    size_t wanted = lists[list].len + count;
    if (wanted > lists[list].room) {
        size_t room = lists[list].room * 2 > wanted ? lists[list].room * 2 : wanted < 64 ? 64 : wanted;
        uint8_t *grown = (uint8_t *)realloc(lists[list].data, room * sizes[list]);
        if (!grown) weir_panic("out of memory for the edits of a batch");
        lists[list].data = grown, lists[list].room = room;
    }
    void *at = lists[list].data + lists[list].len * sizes[list];
    lists[list].len = wanted;
    return at;
}

static weir__span keep(weir_bytes bytes) {
    weir__span span = {(uint32_t)lists[WEIR__BYTES].len, (uint32_t)bytes.len};
    if (bytes.len) memcpy(push(WEIR__BYTES, bytes.len), bytes.data, bytes.len);
    return span;
}

/* A name is written once a batch, unless there are very many. */
static weir__span keep_name(weir_bytes name) {
    for (size_t at = 0; at < name_count; at++)
        if (names[at].len == name.len && (name.len == 0 || memcmp(lists[WEIR__BYTES].data + names[at].offset, name.data, name.len) == 0))
            return names[at];
    weir__span span = keep(name);
    if (name_count < sizeof names / sizeof *names) names[name_count++] = span;
    return span;
}

static void push_event(int list, uint32_t event) { *(uint32_t *)push(list, 1) = event; }
static void push_edit(int list, uint32_t event, weir__span at) { *(weir__edit *)push(list, 1) = (weir__edit){event, at}; }

static uint32_t event_of(int list, size_t at) {
    uint32_t event;
    memcpy(&event, lists[list].data + at * sizes[list], sizeof event);
    return event;
}

/* Of several keys or bodies for one event the last counts. */
static void forget(int set, int clear, uint32_t event) {
    if (lists[set].len && event_of(set, lists[set].len - 1) == event) lists[set].len--;
    if (lists[clear].len && event_of(clear, lists[clear].len - 1) == event) lists[clear].len--;
}

void weir_set_header(weir_event event, weir_bytes name, weir_bytes new_value) {
    weir__span at = keep_name(name);
    *(weir__header_edit *)push(WEIR__SET_HEADERS, 1) = (weir__header_edit){event.index, at, keep(new_value)};
}

void weir_remove_header(weir_event event, weir_bytes name) { push_edit(WEIR__REMOVE_HEADERS, event.index, keep_name(name)); }

void weir_set_key(weir_event event, weir_bytes key) {
    forget(WEIR__SET_KEYS, WEIR__CLEAR_KEYS, event.index);
    push_edit(WEIR__SET_KEYS, event.index, keep(key));
}

void weir_clear_key(weir_event event) {
    forget(WEIR__SET_KEYS, WEIR__CLEAR_KEYS, event.index);
    push_event(WEIR__CLEAR_KEYS, event.index);
}

void weir_set_body(weir_event event, weir_bytes body) {
    forget(WEIR__SET_BODIES, WEIR__CLEAR_BODIES, event.index);
    push_edit(WEIR__SET_BODIES, event.index, keep(body));
}

void weir_clear_body(weir_event event) {
    forget(WEIR__SET_BODIES, WEIR__CLEAR_BODIES, event.index);
    push_event(WEIR__CLEAR_BODIES, event.index);
}

void weir_derive(weir_event event, weir_bytes body, const weir_header_t *headers, size_t count) {
    weir__derived derived = {event.index, keep(body), NULL, count};
    derived.headers = (weir__derived_header *)weir_alloc(count * sizeof *derived.headers);
    for (size_t at = 0; at < count; at++) {
        derived.headers[at].name = keep_name(headers[at].name);
        derived.headers[at].value = keep(headers[at].value);
    }
    *(weir__derived *)push(WEIR__DERIVED, 1) = derived;
}

void weir_decide(weir_event event, weir_verdict verdict) {
    if (verdict.fate == WEIR_DISCARD) push_event(WEIR__DISCARDS, event.index);
    if (verdict.fate != WEIR_REJECT) return;
    /* It is parked as it came: what was derived from it goes with it. */
    weir__derived *derived = (weir__derived *)lists[WEIR__DERIVED].data;
    size_t kept = 0;
    for (size_t at = 0; at < lists[WEIR__DERIVED].len; at++)
        if (derived[at].event != event.index) derived[kept++] = derived[at];
    lists[WEIR__DERIVED].len = kept;
    push_edit(WEIR__REJECTS, event.index, keep(weir__utf8(verdict.reason)));
}

/* By ascending event, as the contract wants it, also where a batch was gone through twice. Merges runs, so what is in order costs one look. */
static void arrange(int list) {
    size_t len = lists[list].len, size = sizes[list], sorted = 1;
    while (sorted < len && event_of(list, sorted - 1) <= event_of(list, sorted)) sorted++;
    if (sorted >= len) return;
    uint8_t *from = lists[list].data, *to = (uint8_t *)weir_alloc(len * size), *first = from;
#define EVENT(at) (*(const uint32_t *)(from + (at)*size))
    for (size_t run = 1; run < len; run *= 2) {
        for (size_t start = 0; start < len; start += 2 * run) {
            size_t middle = start + run < len ? start + run : len, end = start + 2 * run < len ? start + 2 * run : len;
            for (size_t out = start, one = start, other = middle; out < end; out++) {
                bool take_one = one < middle && (other >= end || EVENT(one) <= EVENT(other));
                memcpy(to + out * size, from + (take_one ? one++ : other++) * size, size);
            }
        }
        uint8_t *swapped = from;
        from = to, to = swapped;
    }
#undef EVENT
    if (from != first) memcpy(first, from, len * size);
}

const char *weir__judge(const weir_plugin_t *plugin, void *state, uint32_t handle) {
    weir_batch batch = {0};
    batch.handle = handle, batch.len = weir__len(handle);
    for (int list = 0; list < WEIR__LISTS; list++) lists[list].len = 0;
    name_count = 0;
    if (plugin->intercept_batch) {
        const char *failure = plugin->intercept_batch(state, &batch);
        if (failure) return failure;
    } else {
        for (uint32_t index = 0; index < batch.len; index++) {
            weir_event event = {&batch, index};
            weir_decide(event, plugin->intercept(state, event));
        }
    }
    weir__apply edits;
    bool any = false;
    edits.batch = handle;
    for (int list = 0; list < WEIR__LISTS; list++) {
        if (list != WEIR__BYTES) arrange(list), any = any || lists[list].len;
        edits.lists[list] = (weir__list){lists[list].data, lists[list].len};
        /* The host minds the alignment of an empty list's address, too. */
        if (!lists[list].len) edits.lists[list].data = lists;
    }
    if (!any) return NULL;
    weir__outcome outcome = {0};
    weir__apply_edits(&edits, &outcome);
    if (!(outcome.is_error & 0xFF)) return NULL;
    return weir_cstr(weir_bytes_of(outcome.message.data, outcome.message.len));
}
