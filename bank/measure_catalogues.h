// What a bank keeps of catalogues: errors of photometry by band and magnitude, errors of parallaxes by G and BP - RP.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "bank/source_files.h"
#include "sim/survey_bank.h"

namespace penumbra {

// Stars that a bin of a table needs.
inline constexpr std::size_t kMinimumInErrorBin = 8, kMinimumInParallaxBin = 20;

// Every [[photometry]] and [[stand_in]] table. Bins of one magnitude at whole magnitudes 0 to 24, in each passband's
// own system. Bins with too few stars are filled: between measured ones linearly; brighter as the brightest measured;
// fainter as limited by the sky, .4 dex a magnitude. UserError: an unknown band or unit, a missing column, an error
// below 0, a band without a single bin of 8 stars.
void measure_photometry(const Config& description, SourceFiles& files, std::array<SedBank, kSedBandCount>& sed,
                        std::string& report);

// Every [[parallax]] table. Bins of one magnitude at whole magnitudes G 5 to 21, five bins of BP - RP. A bin is
// measured on DR3; where that has fewer than 20 stars, on DR2 times the ratio of the two releases' errors at the
// nearest magnitude where both have them; where that has too few too, on stars of all colours; and where there are
// none, it is pygaia's formula with the spread of all of DR3. `check` compares: log10 of error over formula in the
// median of all colours for DR3, DR2 as published and DR2 scaled; 0 where there are fewer than 20 stars.
ParallaxBank measure_parallax(const Config& description, SourceFiles& files, std::string& report);

}  // namespace penumbra
