//! A reader of Python's pickles as plain data.
//!
//! It knows a fixed set of opcodes of protocols 0 to 3 and runs nothing: a call that a pickle asks
//! for is kept as a node ([`Node::Object`]) to be looked at, whatever it would have called. Nodes lie in one list and name each
//! other by number, so nothing recurses, however deep the pickle; strings borrow from the input; and
//! the number of nodes is bounded.

use std::collections::HashMap;

/// Number of a node.
pub type Id = usize;

/// Nodes at most; CIFAR-100 has about 100,000.
const MOST_NODES: usize = 4_000_000;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A byte string or a text in UTF-8.
    Bytes(&'a [u8]),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    /// Keys and values in the order they were set.
    Dict(Vec<(Id, Id)>),
    /// A name in a module, not looked up.
    Global {
        module: &'a [u8],
        name: &'a [u8],
    },
    /// What a call of `callable` would give, with the state it would be handed then.
    Object {
        callable: Id,
        arguments: Id,
        state: Option<Id>,
        /// What would be put into it: items, or keys and values in turn.
        items: Vec<Id>,
    },
    /// Something that lies outside of the pickle, by what names it.
    Outside(Id),
    /// An integer of more than eight bytes, the lowest first.
    Wide(&'a [u8]),
}

/// Why an input is not a pickle this reader knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickleError {
    /// Byte where reading stopped.
    pub at: usize,
    pub message: String,
}

/// A pickle read.
#[derive(Debug, Clone, PartialEq)]
pub struct Pickle<'a> {
    nodes: Vec<Node<'a>>,
    root: Id,
    /// Bytes it took.
    pub length: usize,
}

impl<'a> Pickle<'a> {
    /// Reads a pickle; what follows its end is ignored.
    pub fn read(input: &'a [u8]) -> Result<Pickle<'a>, PickleError> {
        let mut machine = Machine { input, ..Machine::default() };
        match machine.run() {
            Ok(root) => Ok(Pickle { nodes: machine.nodes, root, length: machine.at }),
            Err(message) => Err(PickleError { at: machine.at, message }),
        }
    }

    pub fn root(&self) -> &Node<'a> {
        &self.nodes[self.root]
    }

    pub fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id]
    }

    /// All of them, in the order they were read.
    pub fn nodes(&self) -> impl Iterator<Item = &Node<'a>> {
        self.nodes.iter()
    }

    /// The value of a key of the root, where that is a dictionary.
    pub fn entry(&self, key: &str) -> Option<&Node<'a>> {
        let is_key = |id: Id| matches!(self.node(id), Node::Bytes(b) if *b == key.as_bytes());
        let items = self.entries(self.root())?;
        items.iter().rev().find(|(k, _)| is_key(*k)).map(|(_, v)| self.node(*v))
    }

    /// Keys and values of a dictionary, an `OrderedDict` too.
    pub fn entries(&self, node: &Node<'a>) -> Option<Vec<(Id, Id)>> {
        match node {
            Node::Dict(items) => Some(items.clone()),
            Node::Object { callable, items, .. } => {
                let ordered = Node::Global { module: b"collections", name: b"OrderedDict" };
                let pairs = items.as_chunks::<2>().0.iter().map(|&[key, value]| (key, value));
                (*self.node(*callable) == ordered).then(|| pairs.collect())
            }
            _ => None,
        }
    }
}

type Step<T> = Result<T, String>;

#[derive(Default)]
struct Machine<'a> {
    input: &'a [u8],
    at: usize,
    nodes: Vec<Node<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Step<Id> {
        loop {
            let opcode = self.byte()?;
            if opcode == b'.' {
                return self.pop();
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Step<()> {
        match opcode {
            0x80 => match self.byte()? {
                0..=3 => Ok(()),
                version => Err(format!("pickle protocol {version}, expected at most 3")),
            },
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'1' => self.since_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.push_id(top)
            }
            b'N' => self.push(Node::None),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'J' => {
                let x = i32::from_le_bytes(self.array()?);
                self.push(Node::Int(x.into()))
            }
            b'K' => {
                let x = self.byte()?;
                self.push(Node::Int(x.into()))
            }
            b'M' => {
                let x = u16::from_le_bytes(self.array()?);
                self.push(Node::Int(x.into()))
            }
            0x8a => self.long(),
            b'G' => {
                let x = f64::from_be_bytes(self.array()?);
                self.push(Node::Float(x))
            }
            b'U' | b'C' => {
                let n = self.byte()?;
                self.bytes(n.into())
            }
            b'T' | b'X' | b'B' => {
                let n = u32::from_le_bytes(self.array()?);
                self.bytes(n as usize)
            }
            b']' => self.push(Node::List(Vec::new())),
            b')' => self.push(Node::Tuple(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            0x85..=0x87 => self.short_tuple(usize::from(opcode - 0x84)),
            b't' => {
                let items = self.since_mark()?;
                self.push(Node::Tuple(items))
            }
            b'l' => {
                let items = self.since_mark()?;
                self.push(Node::List(items))
            }
            b'd' => {
                let items = self.since_mark()?;
                self.push(Node::Dict(Vec::new()))?;
                self.set_items(items)
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(items)
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(vec![key, value])
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set_items(items)
            }
            b'q' => {
                let slot = self.byte()?;
                self.put(slot.into())
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.put(slot)
            }
            b'h' => {
                let slot = self.byte()?;
                self.get(slot.into())
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.array()?);
                self.get(slot)
            }
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.push(Node::Global { module, name })
            }
            // A call, or a new object of a class: the same to one who makes neither.
            b'R' | 0x81 => {
                let arguments = self.pop()?;
                let callable = self.pop()?;
                self.push(Node::Object { callable, arguments, state: None, items: Vec::new() })
            }
            b'Q' => {
                let name = self.pop()?;
                self.push(Node::Outside(name))
            }
            b'b' => {
                let given = self.pop()?;
                let top = self.top()?;
                match &mut self.nodes[top] {
                    Node::Object { state, .. } => *state = Some(given),
                    _ => return Err("state for something that is no object".into()),
                }
                Ok(())
            }
            other => Err(format!("opcode 0x{other:02x}, which no plain data needs")),
        }
    }

    fn take(&mut self, n: usize) -> Step<&'a [u8]> {
        let rest = &self.input[self.at..];
        let taken = rest.get(..n).ok_or_else(|| {
            format!("the file ends early: {n} bytes expected, {} left", rest.len())
        })?;
        self.at += n;
        Ok(taken)
    }

    fn byte(&mut self) -> Step<u8> {
        self.array().map(|[x]| x)
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn line(&mut self) -> Step<&'a [u8]> {
        let rest = &self.input[self.at..];
        let n = rest.iter().position(|&b| b == b'\n').ok_or("the file ends within a name")?;
        self.at += n + 1;
        Ok(&rest[..n])
    }

    fn bytes(&mut self, n: usize) -> Step<()> {
        let bytes = self.take(n)?;
        self.push(Node::Bytes(bytes))
    }

    fn long(&mut self) -> Step<()> {
        let n = usize::from(self.byte()?);
        let bytes = self.take(n)?;
        if n > 8 {
            return self.push(Node::Wide(bytes));
        }
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        wide[..n].copy_from_slice(bytes);
        self.push(Node::Int(i64::from_le_bytes(wide)))
    }

    fn push(&mut self, node: Node<'a>) -> Step<()> {
        if self.nodes.len() == MOST_NODES {
            return Err(format!("more than {MOST_NODES} values"));
        }
        self.nodes.push(node);
        self.push_id(self.nodes.len() - 1)
    }

    fn push_id(&mut self, id: Id) -> Step<()> {
        if self.stack.len() == MOST_NODES {
            return Err(format!("more than {MOST_NODES} values"));
        }
        self.stack.push(id);
        Ok(())
    }

    /// The top of the stack above the last mark.
    fn top(&self) -> Step<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack[floor..].last().copied().ok_or_else(|| "a value is missing".into())
    }

    fn pop(&mut self) -> Step<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn since_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or("a mark is missing")?;
        Ok(self.stack.split_off(mark))
    }

    fn short_tuple(&mut self, n: usize) -> Step<()> {
        let mut items = (0..n).map(|_| self.pop()).collect::<Step<Vec<Id>>>()?;
        items.reverse();
        self.push(Node::Tuple(items))
    }

    fn append(&mut self, items: Vec<Id>) -> Step<()> {
        let top = self.top()?;
        match &mut self.nodes[top] {
            Node::List(list) | Node::Object { items: list, .. } => list.extend(items),
            _ => return Err("an item for something that is no list".into()),
        }
        Ok(())
    }

    fn set_items(&mut self, items: Vec<Id>) -> Step<()> {
        let top = self.top()?;
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("a key without a value".into());
        }
        match &mut self.nodes[top] {
            Node::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            Node::Object { items: list, .. } => list.extend(items),
            _ => return Err("an entry for something that is no dictionary".into()),
        }
        Ok(())
    }

    fn put(&mut self, slot: u32) -> Step<()> {
        let top = self.top()?;
        self.memo.insert(slot, top);
        Ok(())
    }

    fn get(&mut self, slot: u32) -> Step<()> {
        let id = *self.memo.get(&slot).ok_or_else(|| format!("memo {slot} was never set"))?;
        self.push_id(id)
    }
}
