#include "modules.h"

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <elf.h>

namespace narrow_emulator {

namespace {

constexpr int INVALID_IMAGE = 200;
constexpr int NO_BINARY_FOR_GPU = 209;
constexpr int INVALID_PTX = 218;
constexpr int UNSUPPORTED_PTX_VERSION = 222;

Image refused(int error, const std::string& message) {
  Image result;
  result.error = error;
  result.message = message;
  return result;
}

// The release notes of the PTX ISA: the version that each release of CUDA brought.
int ptx_version_of(int driver_version) {
  static const int VERSIONS[][2] = {{13000, 90}, {12090, 88}, {12080, 87}, {12050, 85}, {12040, 84},
                                    {12030, 83}, {12020, 82}, {12010, 81}, {12000, 80}, {11080, 78},
                                    {11070, 77}, {11060, 76}, {11050, 75}, {11040, 74}, {11030, 73},
                                    {11020, 72}, {11010, 71}, {11000, 70}};
  for (const auto& [driver, ptx] : VERSIONS) {
    if (driver_version >= driver) {
      return ptx;
    }
  }
  return 65;
}

// Code for exactly one GPU ends in a, code for a family in f.
bool runs_ptx(int target, char feature, int capability) {
  return feature == 'a' ? target == capability : target <= capability;
}

// A walk over words; numbers, names and punctuation are words, comments are none.
class Words {
 public:
  explicit Words(const char* text) : at(text) {}

  // The next word; empty at the end.
  std::string next() {
    skip();
    const char* from = at;
    if (*at == '\0') {
      return "";
    }
    if (!part_of_name(*at)) {
      return std::string(1, *at++);
    }
    do {
      at++;
    } while (part_of_name(*at) && *at != '.');
    return std::string(from, at);
  }

 private:
  const char* at;

  static bool part_of_name(char c) { return isalnum((unsigned char)c) || (c != '\0' && strchr("._$%", c) != nullptr); }

  void skip() {
    for (;;) {
      if (isspace((unsigned char)*at)) {
        at++;
      } else if (strncmp(at, "//", 2) == 0) {
        at += strcspn(at, "\n");
      } else if (strncmp(at, "/*", 2) == 0) {
        const char* end = strstr(at + 2, "*/");
        at = end == nullptr ? at + strlen(at) : end + 2;
      } else {
        return;
      }
    }
  }
};

// Of the parameter's type, such as .u64, and of its length where it is an array: name[32].
size_t parameter_size(Words& words, std::string& word) {
  size_t size = 0;
  for (; word != "," && word != ")" && !word.empty(); word = words.next()) {
    if (size == 0 && word.size() > 2 && strchr("busf", word[1]) && isdigit((unsigned char)word[2])) {
      size = size_t(atoi(word.c_str() + 2)) / 8;
    } else if (word == "[") {
      size *= size_t(atoi(words.next().c_str()));
    }
  }
  return size;
}

EntryPoint read_entry(Words& words) {
  EntryPoint result;
  result.has_parameters = true;
  std::string word = words.next();
  if (word == "(") {
    do {
      word = words.next();
      if (word == ".param") {
        result.parameters.push_back(parameter_size(words, word));
      }
    } while (word != ")" && !word.empty());
  }
  while (word != "{" && !word.empty()) {
    bool has_limit = word == ".maxntid";
    word = words.next();
    if (has_limit) {
      result.max_threads = unsigned(atoi(word.c_str()));
      for (word = words.next(); word == ","; word = words.next()) {
        result.max_threads *= unsigned(atoi(words.next().c_str()));
      }
    }
  }
  return result;
}

Image read_ptx(const char* text, int driver_version, int capability) {
  Image image;
  Words words(text);
  bool has_version = false;
  bool has_target = false;
  for (std::string word = words.next(); !word.empty(); word = words.next()) {
    if (word == ".version") {
      has_version = true;
      std::string version = words.next();  // 8
      version += words.next();             // .0
      int readable = ptx_version_of(driver_version);
      if (10 * atof(version.c_str()) > readable + 0.5) {
        return refused(UNSUPPORTED_PTX_VERSION,
                       "PTX .version " + version + " is newer than " + std::to_string(readable / 10) +
                           "." + std::to_string(readable % 10) + ", which this driver reads");
      }
    } else if (word == ".target") {
      has_target = true;
      std::string target = words.next();
      int number = target.rfind("sm_", 0) == 0 ? atoi(target.c_str() + 3) : 0;
      if (number == 0) {
        return refused(INVALID_PTX, "PTX .target " + target);
      }
      if (!runs_ptx(number, target.back(), capability)) {
        return refused(NO_BINARY_FOR_GPU, "PTX for " + target + " does not run on compute capability " +
                                              std::to_string(capability));
      }
    } else if (word == ".entry") {
      std::string name = words.next();
      image.entries[name] = read_entry(words);
    }
  }
  if (!has_version || !has_target) {
    return refused(INVALID_PTX, has_version ? "the PTX has no .target" : "the PTX has no .version");
  }
  return image;
}

Image read_cubin(const unsigned char* bytes, int driver_version, int capability) {
  Elf64_Ehdr header;
  memcpy(&header, bytes, sizeof header);
  constexpr int EM_NVIDIA_CUDA = 190;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_NVIDIA_CUDA) {
    return refused(INVALID_IMAGE, "an ELF file, but not one for a GPU");
  }
  // CUDA 13 writes ABI version 8, with the GPU in bits 8 to 15 of the flags; those before in bits 0 to 7.
  bool of_13 = header.e_ident[EI_ABIVERSION] >= 8;
  int target = int(of_13 ? header.e_flags >> 8 & 0xff : header.e_flags & 0xff);
  if (of_13 && driver_version < 13000) {
    return refused(NO_BINARY_FOR_GPU, "a cubin of CUDA 13 needs a driver of CUDA 13");
  }
  if (target / 10 != capability / 10 || target > capability) {
    return refused(NO_BINARY_FOR_GPU, "a cubin for sm_" + std::to_string(target) +
                                          " does not run on compute capability " +
                                          std::to_string(capability));
  }
  Image image;
  auto section = [&](int i) {
    Elf64_Shdr result;
    memcpy(&result, bytes + header.e_shoff + size_t(i) * header.e_shentsize, sizeof result);
    return result;
  };
  Elf64_Shdr names = section(header.e_shstrndx);
  for (int i = 0; i < header.e_shnum; i++) {
    const char* name = reinterpret_cast<const char*>(bytes + names.sh_offset + section(i).sh_name);
    if (strncmp(name, ".text.", 6) == 0) {
      image.entries[name + 6] = EntryPoint();
    }
  }
  return image;
}

}  // namespace

Image read_image(const void* image, int driver_version, int capability) {
  auto bytes = static_cast<const unsigned char*>(image);
  if (memcmp(bytes, ELFMAG, SELFMAG) == 0) {
    return read_cubin(bytes, driver_version, capability);
  }
  return read_ptx(static_cast<const char*>(image), driver_version, capability);
}

}  // namespace narrow_emulator
