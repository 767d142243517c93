#include "base/sha256.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"

namespace penumbra {
namespace {

// The examples of FIPS 180-4 and NIST's long message.
TEST(Sha256, PublishedDigests) {
  EXPECT_EQ(sha256_of_text(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of_text("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_of_text(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesAndFilesGiveTheSameDigest) {
  const std::string text(1000, 'x');
  for (std::size_t piece : {1u, 55u, 56u, 63u, 64u, 65u, 300u}) {
    Sha256 hash;
    for (std::size_t i = 0; i < text.size(); i += piece) hash.update(text.data() + i, std::min(piece, text.size() - i));
    EXPECT_EQ(hash.hex(), sha256_of_text(text)) << piece;
  }
  const auto file = std::filesystem::temp_directory_path() / "penumbra_sha256_test";
  std::ofstream(file) << text;
  EXPECT_EQ(sha256_of_file(file), sha256_of_text(text));
  std::filesystem::remove(file);
  EXPECT_THROW(sha256_of_file(file), UserError);
}

}  // namespace
}  // namespace penumbra
