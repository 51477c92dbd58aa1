/* Reads transactions. The host reads the bodies; only these fields come over. A body that is no JSON has no field. */
#include "transaction.h"

const char *transaction_read(transaction *into, weir_event event) {
    into->card = weir_json_text(event, weir_str("/card"));
    if (!into->card.data) return "not a transaction: no `card`";
    if (!weir_json_number(event, weir_str("/amount"), &into->amount)) return "not a transaction: no number `amount`";
    into->mcc = weir_json_text(event, weir_str("/mcc"));
    if (!into->mcc.data) return "not a transaction: no `mcc`";
    into->country = weir_json_text(event, weir_str("/country"));
    if (!into->country.data) return "not a transaction: no `country`";
    into->home = weir_json_text(event, weir_str("/home"));
    if (!into->home.data) return "not a transaction: no `home`";
    return into->amount < 0 ? weir_format("not a transaction: amount %.15g is negative", into->amount) : NULL;
}
