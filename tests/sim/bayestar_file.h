// A file in the format of Bayestar2019 (sim/bayestar.h), as whole or as broken as a test wants it.
#pragma once

#include <hdf5.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

namespace penumbra {

struct BayestarFile {
  std::vector<std::uint32_t> nside;          // [N]
  std::vector<std::uint64_t> healpix_index;  // [N]
  std::vector<double> edges;                 // [D] distance moduli
  std::size_t sample_count = 5;              // S
  std::vector<float> samples;                // [N][S][D]
  std::size_t samples_bins = 0;              // D that /samples claims; 0: the right one
  bool with_samples = true;
  hid_t index_type = H5T_STD_U64LE;
  hid_t samples_type = H5T_IEEE_F32LE;

  // samples[row][s][d] = value(row, s, d).
  void fill(const std::function<double(std::size_t, std::size_t, std::size_t)>& value) {
    samples.clear();
    for (std::size_t row = 0; row < nside.size(); ++row) {
      for (std::size_t s = 0; s < sample_count; ++s) {
        for (std::size_t d = 0; d < edges.size(); ++d) samples.push_back(static_cast<float>(value(row, s, d)));
      }
    }
  }

  void write(const std::filesystem::path& path) const {
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    write_pixels(file);
    if (with_samples) {
      const hsize_t bins = samples_bins > 0 ? samples_bins : edges.size();
      write_reddening(file, "/samples", {nside.size(), sample_count, bins}, samples, samples_type);
    }
    std::vector<float> best;  // the first sample
    for (std::size_t row = 0; row < nside.size(); ++row) {
      const auto first = samples.begin() + static_cast<std::ptrdiff_t>(row * sample_count * edges.size());
      best.insert(best.end(), first, first + static_cast<std::ptrdiff_t>(edges.size()));
    }
    write_reddening(file, "/best_fit", {nside.size(), edges.size()}, best, H5T_IEEE_F32LE);
    H5Fclose(file);
  }

 private:
  struct Pixel {
    std::uint32_t nside;
    std::uint64_t healpix_index;
    float reliable_min, reliable_max;
  };

  static hid_t pixel_type(hid_t index) {
    const hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(Pixel));
    H5Tinsert(type, "nside", HOFFSET(Pixel, nside), H5T_NATIVE_UINT32);
    H5Tinsert(type, "healpix_index", HOFFSET(Pixel, healpix_index), index);
    H5Tinsert(type, "DM_reliable_min", HOFFSET(Pixel, reliable_min), H5T_NATIVE_FLOAT);
    H5Tinsert(type, "DM_reliable_max", HOFFSET(Pixel, reliable_max), H5T_NATIVE_FLOAT);
    return type;
  }

  void write_pixels(hid_t file) const {
    std::vector<Pixel> pixels;
    for (std::size_t row = 0; row < nside.size(); ++row) {
      pixels.push_back({nside[row], healpix_index[row], 6.0f, 14.0f});
    }
    const hsize_t count = pixels.size(), bins = edges.size();
    const hid_t stored = pixel_type(index_type), memory = pixel_type(H5T_NATIVE_UINT64);
    const hid_t space = H5Screate_simple(1, &count, nullptr), edge_space = H5Screate_simple(1, &bins, nullptr);
    const hid_t dataset = H5Dcreate2(file, "/pixel_info", stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, pixels.data());
    const hid_t attribute = H5Acreate2(dataset, "DM_bin_edges", H5T_IEEE_F64LE, edge_space, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, H5T_NATIVE_DOUBLE, edges.data());
    H5Aclose(attribute);
    H5Dclose(dataset);
    H5Sclose(edge_space);
    H5Sclose(space);
    H5Tclose(memory);
    H5Tclose(stored);
  }

  // Compressed in chunks, as such files are.
  static void write_reddening(hid_t file, const char* name, const std::vector<hsize_t>& shape,
                              const std::vector<float>& values, hid_t type) {
    std::vector<hsize_t> chunk = shape;
    chunk.front() = std::min<hsize_t>(chunk.front(), 16);
    const hid_t storage = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(storage, static_cast<int>(chunk.size()), chunk.data());
    H5Pset_deflate(storage, 3);
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, storage, H5P_DEFAULT);
    if (H5Tget_class(type) != H5T_STRING) {
      H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    }
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(storage);
  }
};

// 45 of the 48 pixels of nside 2: pixel 5 by its four children, pixels 40 and 41 missing. Distance moduli 4 to 19.
inline BayestarFile small_bayestar() {
  BayestarFile map;
  for (std::uint64_t pixel = 0; pixel < 48; ++pixel) {
    if (pixel == 5 || pixel == 40 || pixel == 41) continue;
    map.nside.push_back(2);
    map.healpix_index.push_back(pixel);
  }
  for (std::uint64_t child = 20; child < 24; ++child) {
    map.nside.push_back(4);
    map.healpix_index.push_back(child);
  }
  for (int i = 0; i < 31; ++i) map.edges.push_back(4.0 + 0.5 * i);
  map.fill([](std::size_t row, std::size_t s, std::size_t d) {
    return 0.001 * static_cast<double>((1 + row % 7) * (5 + s) * (1 + d));
  });
  return map;
}

}  // namespace penumbra
