// penumbra validate against a recorded calibration: exit code 0 while nothing has moved, 1 with the reason when it has.
#include <gtest/gtest.h>

#include "tests/app/run_program.h"

namespace penumbra {
namespace {

const std::vector<std::string> kQuick{"validate", "--systems", "40", "--samples", "50", "--device", "cpu"};

ProgramResult validate(std::vector<std::string> more, const std::filesystem::path& folder) {
  std::vector<std::string> arguments = kQuick;
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_program(arguments, folder);
}

TEST(Validate, ARecordHoldsUntilTheNetworkSaysLess) {
  const ScratchFolder folder("validate");
  const ProgramResult recorded = validate({"--record", "record.csv"}, folder.path());
  ASSERT_EQ(recorded.exit_code, 0) << recorded.err;
  const ProgramResult again = validate({"--seed", "5", "--against", "record.csv"}, folder.path());
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_NE(again.out.find("every statistic lies within its band"), std::string::npos) << again.out;

  // As if the recorded network had been 50 nats better.
  std::string text = read_text(folder.path() / "record.csv");
  const std::size_t value = text.find("all,ln_q,-");
  ASSERT_NE(value, std::string::npos) << text;
  text.replace(value, 10, "all,ln_q,5");
  write_text(folder.path() / "record.csv", text);
  const ProgramResult worse = validate({"--against", "record.csv", "--out", "table.csv"}, folder.path());
  EXPECT_EQ(worse.exit_code, 1);
  EXPECT_NE(worse.err.find("ln_q of all is"), std::string::npos) << worse.err;
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "table.csv"));
}

TEST(Validate, ARecordThatIsNotThereIsNamedBeforeTheWorkBegins) {
  const ScratchFolder folder("validate_missing");
  const ProgramResult result = validate({"--against", "nothing.csv"}, folder.path());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("nothing.csv: no such file"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace penumbra
