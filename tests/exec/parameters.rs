//! Many vectors in one piece of memory.

use cluec::exec::Parameters;
use cluec::exec::floats::Floats;

fn three() -> Parameters {
    Parameters::from_iter([vec![1.0; 17], Vec::new(), vec![2.0, 3.0]])
}

#[test]
fn vectors_are_kept_apart_in_their_order() {
    let mut all = three();
    assert_eq!((all.len(), all[0].len(), all[1].len()), (3, 17, 0));
    assert_eq!(all[2], [2.0, 3.0]);
    all.iter_mut().for_each(|vector| vector.fill(4.0));
    assert_eq!(all.concat(), [4.0; 19]);
    all[2][1] = 5.0;
    assert_eq!(
        all.iter().map(|vector| vector.iter().sum()).collect::<Vec<f32>>(),
        [68.0, 0.0, 9.0]
    );
    assert_eq!(all.zeros().concat(), [0.0; 19]);
}

#[test]
fn several_are_lent_unless_they_are_the_same() {
    let mut all = three();
    let Some([last, first]) = all.several([2, 0]) else { panic!() };
    last.copy_from_slice(&first[..2]);
    assert_eq!(all[2], [1.0, 1.0]);
    assert!(all.several([0, 2, 0]).is_none());
    assert!(all.several([3]).is_none());
}

#[test]
fn each_begins_with_a_cache_line() {
    for all in [three(), three().clone(), three().zeros()] {
        assert!(all.iter().all(|vector| vector.as_ptr().addr() % 64 == 0));
    }
}

#[test]
fn equal_are_those_of_equal_numbers_and_lengths() {
    assert_eq!(three(), three().clone());
    let mut other = three();
    other[0][16] = f32::NAN;
    assert_ne!(three(), other);
    // The same numbers, cut elsewhere.
    assert_ne!(Parameters::from_iter([[1.0, 2.0]]), Parameters::from_iter([[1.0], [2.0]]));
}

#[test]
fn large_memory_holds_zeros_as_small_does() {
    for mut floats in [Floats::zeros(5), Floats::large(5), Floats::zeros(3 << 20), Floats::zeros(0)]
    {
        let length = floats.len();
        assert!(floats.iter().all(|&x| x == 0.0));
        floats.fill(1.0);
        assert_eq!(floats.clone().iter().sum::<f32>(), length as f32);
    }
    assert!(Floats::zeros(3 << 20).are_large());
}
