// A batch out of images that lie here as bytes: images [n, H, W, 3], views [batch, 8] (image, top, left,
// flip, and the hole's top, left, rows and columns), colors [3, 256] -> numbers [batch, OH, OW, 3]. A
// thread a pixel.

extern "C" __global__ void __launch_bounds__(THREADS)
view(const unsigned char* images, const int* views, const float* colors, float* out, int batch) {
    u64 i = thread_index();
    if (i >= (u64)batch * (OH * OW)) return;
    const int* v = views + i / (OH * OW) * 8;
    int row = i / OW % OH, column = i % OW;
    bool hole = row >= v[4] && row < v[4] + v[6] && column >= v[5] && column < v[5] + v[7];
    int r = row + v[1], c = (v[3] ? OW - 1 - column : column) + v[2];
    bool inside = !hole && r >= 0 && r < H && c >= 0 && c < W;
    const unsigned char* pixel = images + (((u64)v[0] * H + r) * W + c) * 3;
    for (int k = 0; k < 3; k++) out[i * 3 + k] = colors[k * 256 + (inside ? pixel[k] : 0)];
}
