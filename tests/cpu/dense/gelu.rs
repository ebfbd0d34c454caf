use super::*;
use cluec::exec::cpu::kernels::gelu::Gelu;

/// What the kernel's comment claims, over a grid finer than its pieces.
#[test]
fn the_error_of_gelu_is_what_we_say() {
    let x: Vec<f32> = (-70_000..=70_000).map(|i| i as f32 * 1e-4).collect();
    let kernel = Gelu { elements: x.len() };
    let ones = vec![1.0; x.len()];
    everywhere(|arch| {
        let (mut y, mut dx) = (garbage(x.len()), garbage(x.len()));
        kernel.forward(1, &x, &mut y);
        kernel.backward(1, &x, &ones, &mut dx);
        for (i, &x) in x.iter().enumerate() {
            let (value, slope) = gelu(x.into());
            let error = (f64::from(y[i]) - value).abs();
            assert!(error <= 3e-7, "{arch} gelu({x}) = {}", y[i]);
            assert!((f64::from(dx[i]) - slope).abs() <= 7e-7, "{arch} gelu'({x}) = {}", dx[i]);
            if (-5.2..0.0).contains(&x) {
                assert!(error <= 3e-5 * value.abs(), "{arch} gelu({x}) = {}, not {value}", y[i]);
            }
        }
    });
}

#[test]
fn gelu_far_out() {
    let x = [f32::NEG_INFINITY, -1e30, -6.0, -0.0, 0.0, 6.0, 1e30, f32::INFINITY, f32::NAN];
    everywhere(|arch| {
        let (mut y, mut dx) = (vec![0.0; 9], vec![0.0; 9]);
        Gelu { elements: 3 }.forward(3, &x, &mut y);
        Gelu { elements: 3 }.backward(3, &x, &[1.0; 9], &mut dx);
        assert!(y[..5].iter().all(|y| y.abs() < 1e-9), "{arch} {y:?}");
        assert_eq!(y[5..8], [6.0, 1e30, f32::INFINITY], "{arch}");
        assert!(y[8].is_nan() && dx[8].is_nan(), "{arch}");
        assert!(dx[..3].iter().all(|dx| dx.abs() < 1e-7), "{arch} {dx:?}");
        assert!(dx[5..8].iter().all(|dx| (dx - 1.0).abs() < 1e-7), "{arch} {dx:?}");
    });
}
