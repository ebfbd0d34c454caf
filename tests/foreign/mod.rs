//! Files of other programs are plain data: nothing in them runs, and nothing in them is believed.

mod pickle;
