// A card transaction, read from the body.

/** Why not, for the dead letter. */
export class NotATransaction extends Error {}

const FIELDS = ["id", "card", "amount", "currency", "merchant", "mcc", "country", "home", "ts"];
const TEXTS = ["card", "currency", "merchant", "mcc", "country", "home"];

/** The transaction an event is; throws {@link NotATransaction}. */
export function read(event) {
  const text = event.bodyText;
  if (text === null) throw new NotATransaction(event.body === null ? "no body" : "invalid UTF-8");
  if (text === "") throw new NotATransaction("empty body");
  let transaction;
  try {
    transaction = JSON.parse(text);
  } catch (error) {
    throw new NotATransaction(error.message);
  }
  if (Array.isArray(transaction)) throw new NotATransaction("an array, not an object");
  if (transaction === null || typeof transaction !== "object") throw new NotATransaction("not an object");
  check(transaction);
  if (transaction.amount < 0) throw new NotATransaction(`amount ${transaction.amount} is negative`);
  return transaction;
}

function check(transaction) {
  for (const name of FIELDS) {
    if (transaction[name] === undefined) throw new NotATransaction(`missing field \`${name}\``);
  }
  for (const name of TEXTS) {
    if (typeof transaction[name] !== "string") throw new NotATransaction(`\`${name}\` is not a string`);
  }
  const { id, amount, ts } = transaction;
  if (typeof id !== "string" && !Number.isInteger(id)) throw new NotATransaction("`id` is neither a string nor an integer");
  if (!Number.isFinite(amount)) throw new NotATransaction("`amount` is not a number");
  if (!Number.isInteger(ts)) throw new NotATransaction("`ts` is not an integer");
}
