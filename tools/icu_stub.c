// An empty ICU data table, as ICU's own "stubdata" library is. The bundle uses it in place of 31 MB of character tables that
// come in with libnetcdf (through libxml2) and that nothing here reads. ICU_VERSION is the library's major version.
#include <stdint.h>

#define SYMBOL_OF(version) icudt##version##_dat
#define SYMBOL(version) SYMBOL_OF(version)

const struct {
  uint16_t header_size;
  uint8_t magic1, magic2;
  uint16_t info_size, info_reserved;
  uint8_t big_endian, charset, uchar_size, reserved;
  uint8_t data_format[4], format_version[4], data_version[4], padding[8];
  uint32_t count, data_reserved;
} SYMBOL(ICU_VERSION) = {32, 0xda, 0x27, 20, 0, 0, 0, 2, 0, {'T', 'o', 'C', 'P'}, {1, 0, 0, 0}, {0}, {0}, 0, 0};
