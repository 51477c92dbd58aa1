// A card transaction, as far as the rules look at it. The host reads the bodies; only these fields come over.

/** Why not, for the dead letter. */
export class NotATransaction extends Error {}

/** The transaction an event is; throws {@link NotATransaction}. A body that is no JSON has no field. */
export function read(event) {
  const card = event.jsonText("/card");
  if (card === null) throw new NotATransaction("no `card`");
  const amount = event.jsonNumber("/amount");
  if (amount === null) throw new NotATransaction("no number `amount`");
  const mcc = event.jsonText("/mcc");
  if (mcc === null) throw new NotATransaction("no `mcc`");
  const country = event.jsonText("/country");
  if (country === null) throw new NotATransaction("no `country`");
  const home = event.jsonText("/home");
  if (home === null) throw new NotATransaction("no `home`");
  if (amount < 0) throw new NotATransaction(`amount ${amount} is negative`);
  return { card, amount, mcc, country, home };
}
