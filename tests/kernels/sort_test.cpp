#include "kernels/sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "kernels/block.h"

namespace penumbra {
namespace {

TEST(Sort, AscendsAtEverySize) {
  RandomStream random(2, 1, Stage::kTest);
  for (const int count : {0, 1, 2, 3, 5, 31, 64, 65, 1000, 1024, 1999, 2000}) {
    std::vector<double> values(static_cast<std::size_t>(sort_room(count)));
    // Equal values too, and both signs.
    for (int i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = random.below(count) - 0.3 * count;
    std::vector<double> expected(values.begin(), values.begin() + count);
    std::ranges::sort(expected);
    HostBlock block(0);
    sort_ascending(block, values.data(), count);
    values.resize(static_cast<std::size_t>(count));
    EXPECT_EQ(values, expected) << count;
  }
}

TEST(Sort, RoomIsThePowerOfTwo) {
  EXPECT_EQ(sort_room(1), 1);
  EXPECT_EQ(sort_room(2), 2);
  EXPECT_EQ(sort_room(3), 4);
  EXPECT_EQ(sort_room(2000), 2048);
}

}  // namespace
}  // namespace penumbra
