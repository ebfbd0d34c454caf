use super::{close, random};
use candle_core::Var;
use cluec::exec::cpu::kernels::loss::cross_entropy;
use cluec::exec::reference::cross_entropy_sum;

#[test]
fn cross_entropy_agrees() {
    for (classes, size) in [(100, 3.0), (1, 1.0), (7, 200.0)] {
        let logits: Vec<f32> = random("logits", classes).iter().map(|x| x * size).collect();
        let label = (classes / 2) as u32;
        let variable = Var::from_tensor(&super::oracle::tensor(&[1, classes], &logits)).unwrap();
        let loss = cross_entropy_sum(variable.as_tensor(), &[label]).unwrap();
        let store = loss.backward().unwrap();
        let expected = super::oracle::flat(store.get(variable.as_tensor()).unwrap());

        let mut gradient = vec![f32::NAN; classes];
        let found = cross_entropy(&logits, label, 0.25, &mut gradient);
        close("loss", &[found], &super::oracle::flat(&loss));
        gradient.iter_mut().for_each(|g| *g *= 4.0);
        close("gradient", &gradient, &expected);
    }
}
