package dev.narrow.repro.data;

import java.net.URI;

/**
 * A file as its publisher has it.
 *
 * @param folder the folder of its data set under a data directory
 * @param name its name in that folder
 * @param address where it is published
 * @param gzip whether its content is packed with gzip
 * @param size bytes of its content, unpacked
 * @param sha256 digest of its content, unpacked, since gzip wrappers differ from copy to copy
 */
record PublishedFile(
    String folder, String name, URI address, boolean gzip, int size, String sha256) {

  /** Its place under a data directory, with a slash on every system. */
  String path() {
    return folder + "/" + name;
  }

  /** The most bytes that an honest file has: deflate adds at most 5 bytes to a block it stores. */
  int maxFileSize() {
    return gzip ? size + size / 1000 + 1024 : size;
  }

  /**
   * The content, verified.
   *
   * @param file the bytes of the file, at most {@link #maxFileSize()} + 1 of them
   * @param where its path or address, for messages
   * @param remedy ends the message
   * @throws DataException if size or digest is not the published one
   */
  byte[] content(byte[] file, String where, String remedy) {
    if (file.length > maxFileSize()) {
      throw DataException.mismatch(where, "at most " + maxFileSize() + " bytes", "more", remedy);
    }
    byte[] content = gzip ? Gzip.unpack(file, size, where, remedy) : file;
    if (content.length != size) {
      String found = "a truncated file of " + content.length;
      throw DataException.mismatch(where, size + " bytes", found, remedy);
    }
    String digest = Sha256.of(content);
    if (!digest.equals(sha256)) {
      String which = gzip ? "unpacked SHA-256 " : "SHA-256 ";
      throw DataException.mismatch(
          where, which + sha256, digest + ": the file was altered", remedy);
    }
    return content;
  }
}
