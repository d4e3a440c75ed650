package dev.narrow.repro.report;

import java.io.IOException;
import java.io.StringReader;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;
import org.xml.sax.SAXException;

/** The JDK's XML parser as the judge of markup. */
final class XmlCheck {

  private XmlCheck() {}

  /** The document, if it is well-formed and names no number a renderer could not read. */
  static Document parse(String markup) {
    try {
      DocumentBuilder builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
      builder.setErrorHandler(null);
      Document document = builder.parse(new InputSource(new StringReader(markup)));
      var elements = document.getElementsByTagName("*");
      for (int i = 0; i < elements.getLength(); i++) {
        var attributes = elements.item(i).getAttributes();
        for (int j = 0; j < attributes.getLength(); j++) {
          String value = attributes.item(j).getNodeValue();
          if (value.contains("NaN") || value.contains("Infinity")) {
            throw new AssertionError(attributes.item(j) + " is no number");
          }
        }
      }
      return document;
    } catch (SAXException e) {
      throw new AssertionError("not well-formed: " + e.getMessage() + "\n" + markup, e);
    } catch (IOException | ParserConfigurationException e) {
      throw new AssertionError(e);
    }
  }
}
