//! The shapes of documents: the names of an object's fields, in order.
//!
//! Neighbouring bodies mostly have the same names in the same order. So the shapes met in a batch are a tree, a name a step, and the scanner walks it
//! along with the fields: the name that followed here first is compared where it should be, with its quote and its colon, which spares the search
//! for its end. A document that went all the way has a shape, and where a name is in it is known of the shape, not asked of every document.
//!
//! The tree is bounded, in nodes and in how many are looked through for a name. A document that finds no place in it has no shape, and its fields
//! are found by their names.

/// Nodes of a tree at most.
const SHAPES: usize = 256;
/// Shapes at most that go on from one.
const BRANCHES: usize = 8;
/// A longer name is of no shape.
pub(super) const NAME: usize = 64;

/// The names of a document's fields so far, as a node of [`Shapes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape(u16);

impl Shape {
    /// That of a document without fields.
    pub(super) const EMPTY: Shape = Shape(0);
}

/// The shapes of a batch's documents. The default is a tree without a root, in which no document has a shape.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// The root has no names; every other node is behind the one it goes on from.
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// The last of its names, with the quote and the colon behind it.
    name: Box<[u8]>,
    /// The first sixteen bytes of that, and the bits of them that count: a name is compared at once.
    begin: u128,
    mask: u128,
    before: usize,
    /// How many names it has.
    fields: usize,
    /// The shapes that go on from this one.
    after: Vec<Shape>,
}

impl Shapes {
    /// A tree to grow.
    pub(super) fn new() -> Shapes {
        Shapes { nodes: vec![Node::default()] }
    }

    /// The shape with the name that followed first if the text begins with it, its quote and its colon, and the name's length. Its node is the next
    /// one, so nothing has to be waited for.
    #[inline(always)]
    pub(super) fn likely(&self, shape: Shape, text: &[u8]) -> Option<(Shape, usize)> {
        let after = Shape(shape.0 + 1);
        let node = self.nodes.get(usize::from(after.0))?;
        let begin = u128::from_le_bytes(*text.first_chunk()?);
        let is_it = begin & node.mask == node.begin
            && node.before == usize::from(shape.0)
            && (node.name.len() <= 16 || text.starts_with(&node.name));
        is_it.then(|| (after, node.name.len() - 2))
    }

    /// The shape with one name more, without escapes; `None` where there is no room for it.
    pub(super) fn with(&mut self, shape: Shape, name: &[u8]) -> Option<Shape> {
        let before = usize::from(shape.0);
        let branches = &self.nodes.get(before)?.after;
        let known = branches.iter().find(|after| self.nodes[usize::from(after.0)].is_named(name));
        if known.is_some() {
            return known.copied();
        }
        if self.nodes.len() >= SHAPES || branches.len() >= BRANCHES || name.len() > NAME {
            return None;
        }
        let (new, fields) = (Shape(u16::try_from(self.nodes.len()).ok()?), self.nodes[before].fields + 1);
        self.nodes.push(Node::new(name, before, fields));
        self.nodes[before].after.push(new);
        Some(new)
    }

    /// Finds out for shapes that are new since it was last asked which of their fields has the name: of several the last, as for most parsers.
    pub(super) fn learn(&self, name: &str, ordinals: &mut Ordinals) {
        for node in &self.nodes[ordinals.0.len()..] {
            let before = ordinals.0.get(node.before).copied().flatten();
            ordinals.0.push(if node.is_named(name.as_bytes()) { Some(node.fields - 1) } else { before });
        }
    }
}

impl Node {
    fn new(name: &[u8], before: usize, fields: usize) -> Node {
        let name = [name, b"\":"].concat().into_boxed_slice();
        let (mut begin, mut mask) = ([0; 16], [0; 16]);
        for (at, byte) in name.iter().take(16).enumerate() {
            (begin[at], mask[at]) = (*byte, u8::MAX);
        }
        Node { name, begin: u128::from_le_bytes(begin), mask: u128::from_le_bytes(mask), before, fields, after: Vec::new() }
    }

    fn is_named(&self, name: &[u8]) -> bool {
        self.name.strip_suffix(b"\":") == Some(name)
    }
}

/// Which field has a name, of each shape.
#[derive(Debug, Default)]
pub(super) struct Ordinals(Vec<Option<usize>>);

impl Ordinals {
    #[inline]
    pub(super) fn of(&self, shape: Shape) -> Option<usize> {
        self.0.get(usize::from(shape.0)).copied().flatten()
    }
}
