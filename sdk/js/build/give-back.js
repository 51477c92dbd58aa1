// Has a plugin give its batch back before it answers.
//
// componentize-qjs 0.4.5 drops the handles a call borrowed when the host has read the answer. The component model wants them back before
// the call returns, and stops the guest with "borrow handles still remain at the end of the call". So a core module is put around
// `intercept`, `give-back.wat`: it calls the guest, copies the answer, has the guest finish, and returns the copy. The component is
// otherwise left as it is; where its shape is not the one looked for, that is an error and no file is written.

/** The bytes of `give-back.wat`. */
export const MODULE = Uint8Array.from(
  Buffer.from(
    "AGFzbQEAAAABEgNgAX8Bf2ABfwBgBH9/f38BfwKbAQQFZ3Vlc3Qsd2VpcjppbnRlcmNlcHRvci9pbnRlcmNlcHRvckAwLjEuMCNp" +
      "bnRlcmNlcHQAAAVndWVzdDZjYWJpX3Bvc3Rfd2VpcjppbnRlcmNlcHRvci9pbnRlcmNlcHRvckAwLjEuMCNpbnRlcmNlcHQAAQVn" +
      "dWVzdAxjYWJpX3JlYWxsb2MAAgZtZW1vcnkGbWVtb3J5AgAAAwMCAAEGEAN/AUEAC38BQQALfwFBAAsHFgIJaW50ZXJjZXB0AAMG" +
      "ZmluaXNoAAQKcwJuAQJ/IwBFBEBBAEEAQQRBDBACJAALIAAQACEBIwAgAS0AADYCACABLQAABEAgASgCCCECIAIjAksEQCMBIwJB" +
      "ASACEAIkASACJAILIwEgASgCBCAC/AoAACMAIwE2AgQjACACNgIICyABEAEjAAsCAAs=",
    "base64",
  ),
);

export const INTERCEPT = "weir:interceptor/interceptor@0.1.0#intercept";
export const FINISH = `cabi_post_${INTERCEPT}`;

const SECTION = { coreModule: 1, coreInstance: 2, component: 4, alias: 6 };
const SORT = { func: 0x00, memory: 0x02 };

/** The component with the module around its `intercept`. */
export function giveBack(component) {
  const patched = patch(component);
  if (patched === null) throw new Error("the component has no `intercept` to put the module around; is this componentize-qjs 0.4.5?");
  return patched;
}

/** The component, or null where neither it nor one nested in it lifts `intercept`. */
function patch(component) {
  const sections = split(component);
  const at = sections.findIndex((section) => section.id === SECTION.alias && aliasesOf(section).some((alias) => alias.name === INTERCEPT));
  if (at >= 0) return join(component, around(sections, at));
  for (const section of sections) {
    if (section.id !== SECTION.component) continue;
    const inner = patch(section.bytes);
    if (inner === null) continue;
    section.bytes = inner;
    return join(component, sections);
  }
  return null;
}

/** Before the section that names `intercept` come the module and its instance; the names then lead to that instance. */
function around(sections, at) {
  const before = sections.slice(0, at);
  if (sections.slice(at).some((section) => section.id === SECTION.coreModule || section.id === SECTION.coreInstance)) {
    throw new Error("the component makes core instances behind `intercept`; the module cannot be put around it");
  }
  const modules = before.filter((section) => section.id === SECTION.coreModule).length;
  const instances = before
    .filter((section) => section.id === SECTION.coreInstance)
    .reduce((sum, section) => sum + new Reader(section.bytes).number(), 0);
  const aliases = sections.filter((section) => section.id === SECTION.alias).flatMap(aliasesOf);
  const guest = aliases.find((alias) => alias.name === INTERCEPT).instance;
  const memory = aliases.find((alias) => alias.sort === SORT.memory && alias.name === "memory");
  if (memory === undefined) throw new Error("the component names no memory; the module cannot be put around `intercept`");

  const instance = [
    ...[...number(1), 0x00, ...number(modules), ...number(2)],
    ...[...text("guest"), 0x12, ...number(guest)],
    ...[...text("memory"), 0x12, ...number(memory.instance)],
  ];
  let renamed = 0;
  for (const section of sections.slice(at)) {
    if (section.id !== SECTION.alias) continue;
    const lead = new Map([[INTERCEPT, "intercept"], [FINISH, "finish"]]);
    renamed += aliasesOf(section).filter((alias) => lead.has(alias.name)).length;
    section.bytes = rename(section.bytes, instances, lead);
  }
  if (renamed !== 2) throw new Error(`\`intercept\` and what finishes it are named ${renamed} times, not 2`);
  const added = [
    { id: SECTION.coreModule, bytes: MODULE },
    { id: SECTION.coreInstance, bytes: Uint8Array.from(instance) },
  ];
  return [...before, ...added, ...sections.slice(at)];
}

/** The aliases of core exports in a section, each with its place in the bytes. */
function aliasesOf(section) {
  const reader = new Reader(section.bytes);
  const found = [];
  for (let left = reader.number(); left > 0; left--) {
    const sort = reader.byte();
    const core = sort === 0x00 ? reader.byte() : null;
    const target = reader.byte();
    const start = reader.at;
    const first = reader.number();
    if (target === 0x02) {
      reader.number();
      continue;
    }
    const name = reader.text();
    if (target === 0x01) found.push({ sort: core, instance: first, name, start, end: reader.at });
  }
  return found;
}

function rename(bytes, instance, lead) {
  const parts = [];
  let from = 0;
  for (const alias of aliasesOf({ bytes })) {
    const name = lead.get(alias.name);
    if (name === undefined) continue;
    parts.push(bytes.subarray(from, alias.start), Uint8Array.from([...number(instance), ...text(name)]));
    from = alias.end;
  }
  return concat([...parts, bytes.subarray(from)]);
}

function split(component) {
  const reader = new Reader(component);
  reader.at = 8;
  const sections = [];
  while (reader.at < component.length) {
    const id = reader.byte();
    const length = reader.number();
    sections.push({ id, bytes: component.subarray(reader.at, reader.at + length) });
    reader.at += length;
  }
  return sections;
}

function join(component, sections) {
  const parts = sections.flatMap(({ id, bytes }) => [Uint8Array.from([id, ...number(bytes.length)]), bytes]);
  return concat([component.subarray(0, 8), ...parts]);
}

function concat(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** LEB128, unsigned. */
function number(value) {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return bytes;
}

function text(value) {
  const bytes = new TextEncoder().encode(value);
  return [...number(bytes.length), ...bytes];
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  byte() {
    return this.bytes[this.at++];
  }

  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  text() {
    const length = this.number();
    this.at += length;
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at));
  }
}
