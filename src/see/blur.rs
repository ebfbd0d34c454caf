//! Convolution of a plane with one kernel along both axes. Beyond the border the plane is its own
//! mirror image, the border itself not repeated.

use crate::graph::Size;

/// `kernel` has an odd length.
pub fn blurred(plane: &[f32], [rows, columns]: Size, kernel: &[f32]) -> Vec<f32> {
    let along = |from: &[f32], count: usize, at: usize, place: &dyn Fn(usize) -> usize| -> f32 {
        let reach = (kernel.len() / 2) as isize;
        let taps = kernel.iter().zip(-reach..);
        taps.map(|(k, step)| k * from[place(mirrored(at as isize + step, count))]).sum()
    };
    let mut across = vec![0.0; plane.len()];
    for row in 0..rows {
        for column in 0..columns {
            let place = |column| row * columns + column;
            across[place(column)] = along(plane, columns, column, &place);
        }
    }
    let mut out = vec![0.0; plane.len()];
    for row in 0..rows {
        for column in 0..columns {
            let place = |row| row * columns + column;
            out[place(row)] = along(&across, rows, row, &place);
        }
    }
    out
}

/// The weights of a normal distribution at whole numbers, of sum 1.
pub fn gaussian(length: usize, sigma: f64) -> Vec<f32> {
    let middle = (length / 2) as f64;
    let weight = |i: usize| (-0.5 * ((i as f64 - middle) / sigma).powi(2)).exp();
    let sum: f64 = (0..length).map(weight).sum();
    (0..length).map(|i| (weight(i) / sum) as f32).collect()
}

/// Equal weights of sum 1.
pub fn even(length: usize) -> Vec<f32> {
    vec![1.0 / length as f32; length]
}

/// A place outside `0..n` as the one it mirrors.
fn mirrored(at: isize, n: usize) -> usize {
    let period = (2 * n as isize - 2).max(1);
    let at = at.rem_euclid(period);
    at.min(period - at).min(n as isize - 1) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_without_the_border() {
        let places: Vec<usize> = (-4..8).map(|at| mirrored(at, 4)).collect();
        assert_eq!(places, [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!((mirrored(-3, 1), mirrored(5, 1)), (0, 0));
    }

    #[test]
    fn a_plane_of_one_value_stays() {
        let out = blurred(&[2.0; 15], [3, 5], &gaussian(11, 5.0));
        assert!(out.iter().all(|x| (x - 2.0).abs() < 1e-5), "{out:?}");
        let row = blurred(&[0.0, 0.0, 3.0, 0.0], [1, 4], &even(3));
        assert_eq!(row, [0.0, 1.0, 1.0, 2.0]);
    }
}
