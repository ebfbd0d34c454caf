//! How clusters are used over a data set, and how well they follow objects that are known.

use super::super::session::Failure;
use super::super::table::{Side, Table, room};
use super::super::{Exit, number};
use super::subject::Network;
use super::{Args, Kind};
use crate::diag::say;
use crate::see::overlap::{Line, Overlaps};
use crate::see::{Show, Tally};
use serde_json::json;
use std::io::{self, Write};

/// Images decoded at a time.
const TOGETHER: usize = 32;

pub fn run(
    args: &Args,
    network: &Network,
    count: usize,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let mut tally = Tally::default();
    let overlaps = each(network, count, &args.show(), |record| tally.add(record))?;
    let mut statistics = tally.finish();
    statistics.parts.retain(|part| args.show().takes(&part.name));
    let collapsed = statistics.collapsed();
    let exit = if collapsed.is_empty() { Exit::Fine } else { Exit::Findings };
    if args.format == Kind::Json {
        let answer = json!({
            "model": network.model.name,
            "weights": network.said,
            "images": statistics.images,
            "parts": statistics.parts,
            "collapsed": collapsed,
            "overlap": overlaps,
        });
        writeln!(out, "{answer:#}")?;
        return Ok(exit);
    }
    writeln!(
        out,
        "{}: {} test images\n\n{}",
        network.said,
        number::grouped(statistics.images as u64),
        statistics.table().render(room())
    )?;
    for part in &collapsed {
        let message = "collapsed: nearly every position belongs to one center";
        say(format!("warning: {part} has {message}"));
    }
    follow(&overlaps, out)?;
    Ok(exit)
}

/// How well clusters follow the objects of the first `count` test images, where those are known.
pub fn overlaps(args: &Args, network: &Network, count: usize) -> Result<Vec<Line>, Failure> {
    let known = network.opened.as_ref().is_some_and(|opened| opened.test.mask(0).is_some());
    if known { each(network, count, &args.show(), |_| {}) } else { Ok(Vec::new()) }
}

/// Looks at test images, and holds what is seen to the objects in them.
pub fn each(
    network: &Network,
    count: usize,
    show: &Show,
    mut take: impl FnMut(&crate::see::Record),
) -> Result<Vec<Line>, Failure> {
    let Some(opened) = &network.opened else { return Ok(Vec::new()) };
    let set = &opened.test;
    let [height, width] = network.graph.input_size();
    let mut overlaps = Overlaps::default();
    let all: Vec<usize> = (0..count.min(set.len())).collect();
    let mut first = true;
    for places in all.chunks(TOGETHER) {
        let mut pixels = Vec::with_capacity(places.len() * height * width * 3);
        let mut masks = Vec::new();
        for &i in places {
            // What is broken is left out.
            let Ok(image) = set.image(i) else { continue };
            let whole = (image.height, image.width) == (height, width);
            masks.push(set.mask(i).filter(|_| whole));
            pixels.extend(network.taken(image));
        }
        if masks.is_empty() {
            continue;
        }
        let records = network.look(&pixels)?;
        if std::mem::take(&mut first)
            && let Some(record) = records.first()
        {
            show.is_in(record)?;
        }
        for (record, mask) in records.iter().zip(masks) {
            take(record);
            if let Some(mask) = mask {
                overlaps.add(record, &mask, show);
            }
        }
    }
    Ok(overlaps.finish())
}

/// How well clusters follow objects; nothing where none are known.
pub fn follow(overlaps: &[Line], out: &mut dyn Write) -> io::Result<()> {
    let Some(first) = overlaps.first() else { return Ok(()) };
    writeln!(
        out,
        "\nintersection over union with the object, mean of {} images",
        number::grouped(first.images as u64)
    )?;
    let mut table = Table::new(&[
        ("clusters of", Side::Left),
        ("best cluster", Side::Right),
        ("best union", Side::Right),
    ]);
    for line in overlaps {
        let cells = [line.overlap.cluster, line.overlap.union].map(|x| format!("{x:.3}"));
        table.row(std::iter::once(line.name.clone()).chain(cells));
    }
    out.write_all(table.render(room()).as_bytes())
}
