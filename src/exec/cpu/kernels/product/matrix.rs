//! Matrices as the kernels see them: rows of numbers, perhaps with something between the rows.

/// A matrix that is read.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    /// From one row to the next.
    pub stride: usize,
}

/// A matrix that is written.
pub struct MatrixMut<'a> {
    data: &'a mut [f32],
    pub rows: usize,
    pub columns: usize,
    /// From one row to the next.
    pub stride: usize,
}

/// Panics unless all rows lie inside `len` numbers: what lets the kernels go without checks.
fn check(len: usize, rows: usize, columns: usize, stride: usize) {
    let needed = if rows == 0 { 0 } else { (rows - 1) * stride + columns };
    assert!(columns <= stride && needed <= len, "{rows} x {columns} by {stride} of {len}");
}

impl<'a> Matrix<'a> {
    /// Rows one behind the other.
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Matrix<'a> {
        Matrix::strided(data, rows, columns, columns)
    }

    /// Rows `stride` numbers apart.
    pub fn strided(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Matrix<'a> {
        check(data.len(), rows, columns, stride);
        Matrix { data, rows, columns, stride }
    }

    /// `count` of the rows, from `start` on.
    pub fn rows(self, start: usize, count: usize) -> Matrix<'a> {
        assert!(start + count <= self.rows);
        let start = (start * self.stride).min(self.data.len());
        Matrix { data: &self.data[start..], rows: count, ..self }
    }

    /// `count` of the columns, from `start` on.
    pub fn columns(self, start: usize, count: usize) -> Matrix<'a> {
        assert!(start + count <= self.columns);
        let start = start.min(self.data.len());
        Matrix { data: &self.data[start..], columns: count, ..self }
    }

    pub(super) fn pointer(&self) -> *const f32 {
        self.data.as_ptr()
    }

    /// A part of a row.
    #[inline(always)]
    pub(super) fn part(&self, row: usize, column: usize, count: usize) -> &[f32] {
        &self.data[row * self.stride + column..][..count]
    }
}

impl<'a> MatrixMut<'a> {
    /// Rows one behind the other.
    pub fn new(data: &'a mut [f32], rows: usize, columns: usize) -> MatrixMut<'a> {
        MatrixMut::strided(data, rows, columns, columns)
    }

    /// Rows `stride` numbers apart.
    pub fn strided(
        data: &'a mut [f32],
        rows: usize,
        columns: usize,
        stride: usize,
    ) -> MatrixMut<'a> {
        check(data.len(), rows, columns, stride);
        MatrixMut { data, rows, columns, stride }
    }

    /// `count` of the columns, from `start` on.
    pub fn columns(self, start: usize, count: usize) -> MatrixMut<'a> {
        assert!(start + count <= self.columns);
        let start = start.min(self.data.len());
        MatrixMut { data: &mut self.data[start..], columns: count, ..self }
    }

    /// A part of a row.
    #[inline(always)]
    pub(super) fn part(&mut self, row: usize, column: usize, count: usize) -> &mut [f32] {
        &mut self.data[row * self.stride + column..][..count]
    }

    pub(super) fn pointer(&mut self) -> *mut f32 {
        self.data.as_mut_ptr()
    }

    /// Where a number lies, if it is there.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn at(&self, row: usize, column: usize) -> *const f32 {
        self.data.as_ptr().wrapping_add(row * self.stride + column)
    }
}
