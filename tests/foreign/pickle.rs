//! Pickles are read as plain data, and nothing else happens.

use crate::data::cifar::official;
use cluec::foreign::pickle::{Node, Pickle};

#[test]
fn a_call_is_kept_and_never_made() {
    // os.system('touch owned'), as an attacker writes it.
    let pickle = Pickle::read(b"\x80\x02cos\nsystem\nU\x0btouch owned\x85R.").unwrap();
    let Node::Object { callable, .. } = pickle.root() else { panic!("{:?}", pickle.root()) };
    assert_eq!(*pickle.node(*callable), Node::Global { module: b"os", name: b"system" });
    assert!(!std::path::Path::new("owned").exists());
}

#[test]
fn every_beginning_of_a_pickle_is_an_error() {
    let whole = official(&[1, 0], &[9; 2 * 3072]);
    Pickle::read(&whole).unwrap();
    for end in (0..200).chain(whole.len() - 100..whole.len()) {
        assert!(Pickle::read(&whole[..end]).is_err(), "{end}");
    }
}

#[test]
fn malformed_pickles_say_where() {
    let error = |bytes: &[u8]| {
        let error = Pickle::read(bytes).unwrap_err();
        format!("byte {}: {}", error.at, error.message)
    };
    assert_eq!(error(b"\x80\x05."), "byte 2: pickle protocol 5, expected at most 3");
    assert_eq!(error(b"I1\n."), "byte 1: opcode 0x49, which no plain data needs");
    // Four gigabytes are claimed, and not reserved.
    assert_eq!(
        error(b"T\xff\xff\xff\xffabc"),
        "byte 5: the file ends early: 4294967295 bytes expected, 3 left"
    );
    assert_eq!(error(b"h\x07."), "byte 2: memo 7 was never set");
    assert_eq!(error(b"(."), "byte 2: a value is missing");
    assert_eq!(error(b"}K\x01a."), "byte 4: an item for something that is no list");
}

/// A list that holds itself, and a hundred thousand lists in each other.
#[test]
fn depth_is_no_danger() {
    Pickle::read(b"]q\x01h\x01a.").unwrap();
    let deep = [vec![b']'; 100_000], vec![b'a'; 99_999], vec![b'.']].concat();
    Pickle::read(&deep).unwrap();
}
