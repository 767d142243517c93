// SHA-256 (FIPS 180-4): names configurations, checkpoints and source files by their content.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace penumbra {

class Sha256 {
 public:
  void update(const void* data, std::size_t size);
  std::string hex();  // 64 lower-case digits; ends the computation

 private:
  void compress(const std::uint8_t* block);

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> buffer_{};
  std::size_t buffered_ = 0;
  std::uint64_t length_ = 0;  // bytes
};

std::string sha256_of_text(std::string_view text);
std::string sha256_of_file(const std::filesystem::path& file);  // UserError when the file cannot be read

}  // namespace penumbra
