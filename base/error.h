// Errors that reach a person.
//
// UserError: something the user can mend (a bad file, key, value or option): exit code 2.
// Any other exception is a failure of the program or the machine: exit code 1.
// Every message names the file, line or key, the value found, and what is allowed.
#pragma once

#include <stdexcept>
#include <string>

namespace penumbra {

class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The data tables, a disk or a device is not as the program needs it.
class EnvironmentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace penumbra
