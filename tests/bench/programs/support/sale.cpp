#include "tests/bench/programs/support/sale.h"

#include <fstream>

namespace tillsync::bench {
namespace {

void write_digits(char* at, std::size_t width, std::uint64_t number) {
  for (std::size_t i = width; i-- > 0; number /= 10) at[i] = static_cast<char>('0' + number % 10);
}

}  // namespace

Result<Sale> Sale::load(const std::string& path) {
  Sale sale;
  std::ifstream file(path);
  if (!std::getline(file, sale.text_))
    return Error{ErrorKind::kInvalid, "template", path + " cannot be read"};
  sale.id_at_ = sale.text_.find("BENCH-0000000000");
  if (sale.id_at_ == std::string::npos)
    return Error{ErrorKind::kInvalid, "template", path + " has no id BENCH-0000000000"};
  return sale;
}

void Sale::write_id(char* at, unsigned run, std::uint64_t number) {
  at[0] = 'B';
  write_digits(at + 1, 4, run);
  at[5] = '-';
  write_digits(at + 6, 10, number);
}

}  // namespace tillsync::bench
