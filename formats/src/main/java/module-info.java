import org.jspecify.annotations.NullMarked;

/** Number formats: values, rounding, encoding and decoding, with the JDK alone. */
@NullMarked
module dev.narrow.formats {
  requires static jdk.incubator.vector;
  requires static transitive org.jspecify;

  exports dev.narrow.formats;
}
