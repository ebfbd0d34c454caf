use super::oracle::{Given, run};
use super::{close, on_each, random};
use cluec::exec::cpu::kernels::gate::{Gate, Gradients, ParamGradients, Params};
use cluec::graph::ops;

#[test]
fn gate_agrees() {
    for (images, grid, heads, d) in
        [(2, [4, 4], 2, 32), (3, [7, 7], 3, 24), (1, [1, 1], 1, 2), (2, [3, 2], 2, 7)]
    {
        let (channels, hidden) = (heads * d, d / 2);
        let count = images * grid[0] * grid[1] * channels;
        let name = format!("gate {grid:?} {d}");
        let of = |what: &str, count| random(&format!("{name} {what}"), count);
        let (soft, local, dy) = (of("soft", count), of("local", count), of("dy", count));
        let params = [
            of("weight1", heads * 2 * d * hidden),
            of("bias1", heads * hidden),
            of("weight2", heads * hidden),
            of("bias2", heads),
        ];
        let dims = [grid[0], grid[1], channels];
        let inputs = [Given(&dims, &soft), Given(&dims, &local)];
        let given = [&params[0][..], &params[1], &params[2], &params[3]];
        let expected =
            run(images, &inputs, &given, &dy, |b, x| b.push("op", "", ops::Gate { heads }, x));
        on_each(|set| {
            let kernel = Gate { centers: grid[0] * grid[1], channels, heads };
            let mut scratch = vec![f32::NAN; kernel.scratch()];
            let [weight1, bias1, weight2, bias2] = given;
            let params = Params { weight1, bias1, weight2, bias2 };
            let mut y = vec![f32::NAN; count];
            kernel.forward(images, &soft, &local, params, &mut y, &mut scratch);
            close(&format!("{name} {set}"), &y, &expected.result);

            let (mut dsoft, mut dlocal) = (vec![f32::NAN; count], vec![f32::NAN; count]);
            let mut gradients = given.map(|param| vec![0.0; param.len()]);
            let [weight1, bias1, weight2, bias2] = &mut gradients;
            let mut scratch = vec![f32::NAN; kernel.backward_scratch()];
            let gradients_of = ParamGradients { weight1, bias1, weight2, bias2 };
            let to = Gradients { soft: &mut dsoft, local: &mut dlocal, params: gradients_of };
            kernel.backward(images, [&soft, &local], params, &dy, to, &mut scratch);
            let found = [dsoft, dlocal].into_iter().chain(gradients);
            for (i, (found, expected)) in found.zip(&expected.gradients).enumerate() {
                close(&format!("{name} gradient {i} {set}"), &found, expected);
            }
        });
    }
}
