package dev.narrow.repro.data;

import static dev.narrow.repro.data.Fixtures.failure;
import static dev.narrow.repro.data.Fixtures.gzip;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class GzipTest {
  private static byte[] unpack(byte[] packed, int size) {
    return Gzip.unpack(packed, size, "some.gz", "fetch it again");
  }

  @Property
  void unpacksWhatThePlatformPacked(@ForAll byte[] content) {
    assertArrayEquals(content, unpack(gzip(content), content.length));
  }

  /** Header fields of RFC 1952, section 2.3: extra, name, comment and header CRC. */
  @Test
  void skipsOptionalHeaderFields() {
    byte[] content = {1, 2, 3};
    byte[] plain = gzip(content);
    var full = new ByteArrayOutputStream();
    full.write(plain, 0, 3);
    full.write(2 | 4 | 8 | 16);
    full.write(plain, 4, 6);
    full.writeBytes(new byte[] {2, 0, 'x', 'x'});
    full.writeBytes(new byte[] {'n', 0, 'c', 0});
    full.writeBytes(new byte[] {7, 7});
    full.write(plain, 10, plain.length - 10);
    assertArrayEquals(content, unpack(full.toByteArray(), 3));
  }

  @Test
  void theSizeMustBeTheExpectedOne() {
    byte[] packed = gzip(new byte[100]);
    failure(() -> unpack(packed, 99), "some.gz", "gzip of 99 bytes", "more", "fetch it again");
    failure(() -> unpack(packed, 101), "gzip of 101 bytes", "found gzip of 100 bytes");
    failure(() -> unpack(Arrays.copyOf(packed, 12), 100), "truncated", "12 bytes");
    failure(() -> unpack(new byte[100], 100), "no gzip header");
  }

  /** 64 MiB of zeros in 64 KiB: one byte more than expected is the most that is unpacked. */
  @Test
  void aBombDoesNotGoOff() {
    byte[] bomb = gzip(new byte[64 << 20]);
    failure(() -> unpack(bomb, 1000), "gzip of 1000 bytes", "more than that");
  }

  /** A hundred thousand empty members, enough to overflow the stack of a reader that recurses. */
  @Test
  void membersAreNotFollowed() {
    byte[] empty = gzip(new byte[0]);
    byte[] many = new byte[100_000 * empty.length];
    for (int i = 0; i < many.length; i++) {
      many[i] = empty[i % empty.length];
    }
    failure(() -> unpack(many, 10), "gzip of 10 bytes", "gzip of 0 bytes");
  }

  @Property
  void bytesOfStrangersNeverThrowAnythingElse(@ForAll @Size(max = 60) byte[] tail) {
    byte[] packed = {0x1F, (byte) 0x8B, 8, 0, 0, 0, 0, 0, 0, 0};
    byte[] strange = Arrays.copyOf(packed, 10 + tail.length);
    System.arraycopy(tail, 0, strange, 10, tail.length);
    if (tail.length > 0) {
      strange[3] = tail[0];
    }
    Mutation.survives(() -> unpack(strange, 50));
  }
}
