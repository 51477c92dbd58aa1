/* A card transaction, as far as the rules look at it. */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include <weir.h>

typedef struct {
    weir_bytes card, mcc, country, home;
    double amount;
} transaction;

/* NULL, or what is wrong with the event: a sentence for the dead letter. */
const char *transaction_read(transaction *into, weir_event event);

#endif
