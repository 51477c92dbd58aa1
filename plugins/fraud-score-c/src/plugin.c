/* Scores card transactions by the rules of plugins/fraud-score, to the digit; see its README for fields, rules and settings. */
#include <math.h>
#include <stdlib.h>

#include "transaction.h"

/* Points of a thousand. */
enum { ALL = 1000, AMOUNT = 400, AGAIN = 100, AGAIN_AT_MOST = 300, ABROAD = 200, RISKY = 250 };

/* A card of this batch; `round` says of which batch it is, so that nothing needs to be emptied. */
typedef struct {
    uint64_t card;
    uint32_t round, seen;
} slot;

/* The settings, made ready, and the cards so far. */
typedef struct {
    double amount_limit;
    uint32_t review, refuse;
    weir_bytes risky_mccs;
    slot *slots;
    size_t slot_count;
    uint32_t round;
} scorer;

static const weir_parameter parameters[] = {
    {"amount_limit", "amount that gives all of the amount's points", false, "1000"},
    {"review_above", "scores of at least this are marked `review`, 0 to 1", false, "0.5"},
    {"refuse_above", "scores of at least this are marked `refuse`, 0 to 1", false, "0.8"},
    {"risky_mccs", "merchant category codes that give points, separated by commas", false, "4829,5933,6051,6211,7995"},
};

static const char *configure(const weir_settings *settings, void **state) {
    scorer *made = weir_alloc(sizeof *made);
    double review, refuse;
    const char *error = weir_get_double(settings, "amount_limit", &made->amount_limit);
    if (!error) error = weir_get_double(settings, "review_above", &review);
    if (!error) error = weir_get_double(settings, "refuse_above", &refuse);
    if (error) return error;
    if (!(made->amount_limit > 0)) return weir_format("`amount_limit` (%g) must be above 0", made->amount_limit);
    if (!(0 <= review && review <= refuse && refuse <= 1))
        return weir_format("`review_above` (%g) must not be above `refuse_above` (%g), and both between 0 and 1", review, refuse);
    made->review = (uint32_t)round(review * ALL), made->refuse = (uint32_t)round(refuse * ALL);
    made->risky_mccs = weir_setting(settings, "risky_mccs");
    made->slots = NULL, made->slot_count = 0, made->round = 0;
    *state = made;
    return NULL;
}

static bool is_risky(weir_bytes list, weir_bytes mcc) {
    weir_bytes item;
    while (weir_next(&list, ',', &item)) {
        item = weir_trim(item);
        if (item.len && weir_equal(item, mcc)) return true;
    }
    return false;
}

/* FNV-1a, and a last mix. Two cards of one hash share their velocity within a batch, which is rare and raises a score at most. */
static uint64_t hash(weir_bytes text) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t at = 0; at < text.len; at++) hash = (hash ^ text.data[at]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

/* How often the card was seen before in this batch. There are twice as many slots as events, so one is free. */
static uint32_t seen_before(scorer *scorer, weir_bytes card) {
    uint64_t key = hash(card);
    size_t mask = scorer->slot_count - 1, at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
    while (scorer->slots[at].round == scorer->round && scorer->slots[at].card != key) at = (at + 1) & mask;
    if (scorer->slots[at].round != scorer->round) scorer->slots[at] = (slot){key, scorer->round, 0};
    return scorer->slots[at].seen++;
}

static uint32_t score(const scorer *scorer, const transaction *transaction, uint32_t seen) {
    double share = transaction->amount / scorer->amount_limit;
    uint32_t points = (uint32_t)round(AMOUNT * (share < 1 ? share : 1));
    points += seen < AGAIN_AT_MOST / AGAIN ? seen * AGAIN : AGAIN_AT_MOST;
    if (!weir_equal(transaction->country, transaction->home)) points += ABROAD;
    if (is_risky(scorer->risky_mccs, transaction->mcc)) points += RISKY;
    return points < ALL ? points : ALL;
}

static weir_verdict intercept(void *state, weir_event event) {
    scorer *scorer = state;
    transaction transaction;
    const char *error = transaction_read(&transaction, event);
    if (error) return weir_reject(error);
    uint32_t points = score(scorer, &transaction, seen_before(scorer, transaction.card));
    char text[5] = {(char)('0' + points / 1000), '.', (char)('0' + points / 100 % 10), (char)('0' + points / 10 % 10), (char)('0' + points % 10)};
    weir_set_header(event, weir_str("fraud.score"), weir_bytes_of(text, sizeof text));
    const char *verdict = points >= scorer->refuse ? "refuse" : points >= scorer->review ? "review" : "approve";
    weir_set_header(event, weir_str("fraud.verdict"), weir_str(verdict));
    return weir_keep();
}

static const char *intercept_batch(void *state, weir_batch *batch) {
    scorer *scorer = state;
    size_t wanted = 64;
    while (wanted < 2 * (size_t)weir_len(batch)) wanted *= 2;
    if (wanted > scorer->slot_count || scorer->round == UINT32_MAX) {
        free(scorer->slots);
        scorer->slots = calloc(wanted, sizeof *scorer->slots);
        if (!scorer->slots) return "out of memory for the cards of a batch";
        scorer->slot_count = wanted, scorer->round = 0;
    }
    scorer->round++;
    for (uint32_t index = 0; index < weir_len(batch); index++) {
        weir_event event = weir_at(batch, index);
        weir_decide(event, intercept(state, event));
    }
    return NULL;
}

const weir_plugin_t weir_plugin = {
    "fraud-score-c", "0.1.0", parameters, sizeof parameters / sizeof *parameters, configure, intercept, intercept_batch,
};
